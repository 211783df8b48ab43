import type { Client } from "@elastic/elasticsearch";
import { readLine, readLines } from "../parse/readline-script.ts";
import { allHits } from "../store/all-hits.ts";

/** How what stands in a store differs from the lines of a file. */
export interface Difference {
  /** Lines of which no document is there. */
  readonly lost: number;
  /** Documents that are there beside the first one of their line. */
  readonly doubled: number;
  /** Documents that are of no line. */
  readonly wrong: number;
  /** One of those, to look at. */
  readonly example?: string;
}

/** The part of a document that every contender makes. Values are as they were sent: a number may be a text. */
export interface CommonDocument {
  readonly "@timestamp"?: string | number;
  readonly host?: string;
  readonly program?: string;
  readonly pid?: string | number;
  readonly message?: string;
  readonly ssh?: { readonly event?: string };
}

export const COMMON_FIELDS = ["@timestamp", "host", "program", "pid", "message", "ssh.event"];
/** The events that every contender knows; others are not compared. */
const EVENTS = new Set(["AUTHN", "AUTHZ", "SCAN", "INVALID", "DISCONNECT", "WRONGKEY", "REFUSED"]);
const SEPARATOR = "\0";

/** What a document says, as one text. */
export function keyOf(document: CommonDocument): string {
  const { "@timestamp": time, host, program, pid, message, ssh } = document;
  const event = EVENTS.has(ssh?.event ?? "") ? ssh!.event! : "";
  return [new Date(time ?? NaN).getTime(), host, program, pid, message, event].join(SEPARATOR);
}

/** What each line says, by the script with which one would begin. @throws Error when two lines say the same, or one says nothing */
export async function expectedKeys(file: string, month: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  let lines = 0;
  for await (const line of readLines(file)) {
    lines++;
    const document = readLine(line, Number(month.slice(0, 4)), true);
    if (!document) throw new Error(`this line has no header: ${line}`);
    const { "@timestamp": time, ...rest } = document;
    keys.add(keyOf({ "@timestamp": time.getTime(), ...defined(rest) }));
  }
  if (keys.size !== lines) throw new Error(`${lines - keys.size} of ${lines} lines say what another one says`);
  return keys;
}

function defined(document: object): CommonDocument {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined));
}

/** Pure. */
export class Comparison {
  readonly #expected: ReadonlySet<string>;
  readonly #found = new Set<string>();
  #documents = 0;
  #wrong = 0;
  #example: string | undefined;

  constructor(expected: ReadonlySet<string>) {
    this.#expected = expected;
  }

  add(document: CommonDocument): void {
    const key = keyOf(document);
    this.#documents += 1;
    if (this.#expected.has(key)) this.#found.add(key);
    else {
      this.#wrong += 1;
      this.#example ??= JSON.stringify(document);
    }
  }

  difference(): Difference {
    return {
      lost: this.#expected.size - this.#found.size,
      doubled: this.#documents - this.#wrong - this.#found.size,
      wrong: this.#wrong,
      ...(this.#example === undefined ? {} : { example: this.#example }),
    };
  }
}

/** Reads every document back and compares it with its line. */
export async function differenceOf(
  client: Client,
  indices: readonly string[],
  expected: ReadonlySet<string>,
): Promise<Difference> {
  const comparison = new Comparison(expected);
  for await (const hits of allHits<CommonDocument>(client, indices, { match_all: {} }, COMMON_FIELDS)) {
    for (const { _source: document } of hits) comparison.add(document ?? {});
  }
  return comparison.difference();
}

/** @returns undefined when every line is there once and nothing else */
export function differenceText({ lost, doubled, wrong, example }: Difference): string | undefined {
  if (lost === 0 && doubled === 0 && wrong === 0) return undefined;
  return `${lost} lost, ${doubled} doubled, ${wrong} wrong${example === undefined ? "" : `, such as ${example}`}`;
}
