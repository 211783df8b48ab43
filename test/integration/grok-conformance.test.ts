import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STANDARD_BANKS, type PatternFile, type StandardBank } from "../../worker/contract/grok.ts";
import { standardBank } from "../../worker/grok/standard-bank.ts";
import { gridharvest } from "../support/gridharvest.ts";
import { describeWith } from "../support/index.ts";
import { definitionsOf, patternFiles } from "../support/pattern-files.ts";

/** What Logstash's standard patterns make of lines, by the command line; the data are no part of the repository. */
const CORPUS = new URL("../../../shared/conformance/", import.meta.url);

/** The event starts as `{message}` and is matched against `%{pattern}`, from end to end when `exact`. */
interface Specified {
  readonly bank: string;
  readonly pattern: string;
  readonly message: string;
  readonly exact: boolean;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

function read<T>(name: string): readonly T[] {
  const text = readFileSync(new URL(name, CORPUS), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}

const isThere = existsSync(CORPUS);
if (!isThere) console.warn(`skipped: grok as Logstash has it; ${CORPUS.pathname} is not on this machine`);

describeWith(["elasticsearch"], "grok as Logstash has it", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-test-conformance-"));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  /** The documents of a file of lines. */
  async function parse(text: string, ...words: readonly string[]): Promise<readonly unknown[]> {
    const file = join(dir, "lines");
    writeFileSync(file, text);
    const { code, out, err } = await gridharvest("parse", "--state-dir", dir, "--quiet", ...words, file);
    expect(err).toBe("");
    expect(code).toBe(0);
    return out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  }

  describe.skipIf(!isThere)("(skipped without the corpus)", () => {
    it("each of the 254 records comes out whole and typed", async () => {
      const records = read<Specified>("grok-patterns.ndjson");
      expect(records).toHaveLength(254);
      const groups = Map.groupBy(records, ({ bank, pattern, exact }) =>
        [bank, exact ? `^%{${pattern}}$` : `%{${pattern}}`].join(" "),
      );
      for (const [group, specified] of groups) {
        const [bank = "", expression = ""] = group.split(" ");
        const lines = specified.map(({ message }) => `${JSON.stringify({ message })}\n`).join("");
        const documents = await parse(lines, "--bank", bank, "--grok", expression, "--ndjson", "message");
        const wanted = specified.map(({ fields, metadata }) => ({
          ...fields,
          ...(metadata && { "@metadata": metadata }),
        }));
        expect(documents, group).toEqual(wanted);
      }
    });

    it("each of the 2,000 lines of Linux comes out as %{SYSLOGLINE} has it", async () => {
      const log = readFileSync(new URL("linux_2k.log", CORPUS), "utf8");
      const expected = read<{ fields: Record<string, unknown> }>("linux_2k.expected.ndjson");
      expect(expected).toHaveLength(2000);
      const lines = log.split(/\r?\n/).slice(0, expected.length);
      // The data were made with `overwrite`; without it the message stands beside the line.
      const wanted = expected.map(({ fields }, i) => ({ ...fields, message: [lines[i], fields["message"]] }));
      expect(await parse(log, "--grok", "%{SYSLOGLINE}")).toEqual(wanted);
    });
  });

  it("none of our own definitions hides one of the standard banks", async () => {
    await parse("x\n", "--grok", "x");
    const { banks } = JSON.parse(readFileSync(join(dir, "grok-banks.json"), "utf8")) as {
      readonly banks: Readonly<Record<StandardBank, readonly PatternFile[]>>;
    };
    const standard = STANDARD_BANKS.flatMap((name) => [...standardBank(name, banks[name]).keys()]);
    const own = patternFiles().flatMap((file) => [...definitionsOf(file).keys()]);
    expect(own.filter((name) => standard.includes(name))).toEqual([]);
  });
});
