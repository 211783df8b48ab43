import { createReadStream, writeSync } from "node:fs";
import { createInterface } from "node:readline";

const HEADER = /^(?:<(\d+)>)?(\w{3}) +(\d+) (\d\d):(\d\d):(\d\d) (\S+) (?:([^\s:[]+)(?:\[(\d+)\])?: )?(.*)$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const BATCH_LINES = 10_000;

/** The seven events of sshd with which this project began. */
const EVENTS: readonly (readonly [event: string, message: RegExp])[] = [
  [
    "AUTHN",
    /^(?<result>Accepted|Failed) (?<method>\S+) for (?:invalid user )?(?<user>.*) from (?<remote>\S+) port \d+/,
  ],
  ["AUTHZ", /^(?<result>Authorized) to (?<user>.*), krb5 principal (?<principal>\S+) \(/],
  ["SCAN", /^Did not receive (?<result>identification) string from (?<remote>\S+)/],
  ["INVALID", /^(?<result>Invalid) user (?<user>.*) from (?<remote>\S+)/],
  ["DISCONNECT", /^Received (?<result>disconnect) from (?<remote>\S+): 11: disconnected by user/],
  [
    "WRONGKEY",
    /^Authentication (?<result>tried) for (?<user>.*) with (?<method>correct key) but not from .*ip=(?<remote>[^)]+)/,
  ],
  ["REFUSED", /^(?<result>refused) connect from \S+ \((?<remote>[^)]+)\)/],
];

/** What the script makes of a line. */
export interface ScriptDocument {
  readonly "@timestamp": Date;
  readonly host: string;
  readonly program: string | undefined;
  readonly pid: string | undefined;
  readonly pri: string | undefined;
  readonly message: string;
  readonly ssh: { readonly event: string; readonly [field: string]: string | undefined } | undefined;
}

/**
 * What one writes in an afternoon: a RegExp. It knows the year, but no zone, and no dirty lines: what does not match is undefined.
 * @param ssh whether it looks at what sshd says
 */
export function readLine(line: string, year: number, ssh: boolean): ScriptDocument | undefined {
  const match = HEADER.exec(line);
  if (!match) return undefined;
  const [, pri, monthName, day, hour, minute, second, host, program, pid, message = ""] = match;
  const time = new Date(Date.UTC(year, MONTHS.indexOf(monthName!), Number(day), +hour!, +minute!, +second!));
  const fields = ssh && program === "sshd" ? sshFields(message) : undefined;
  return { "@timestamp": time, host: host!, program, pid, pri, message, ssh: fields };
}

/** The lines of a file, as one reads them. */
export function readLines(path: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(path, { encoding: "utf8" }), crlfDelay: Infinity });
}

/**
 * readline, a RegExp, JSON.stringify.
 * @param output a descriptor
 * @returns the lines of the file
 */
export async function readlineScript(path: string, output: number, month: string, ssh: boolean): Promise<number> {
  const year = Number(month.slice(0, 4));
  let lines = 0;
  let batch: string[] = [];
  const flush = () => {
    if (batch.length > 0) writeSync(output, `${batch.join("\n")}\n`);
    batch = [];
  };
  for await (const line of readLines(path)) {
    lines++;
    const document = readLine(line, year, ssh);
    if (!document) continue;
    batch.push('{"create":{"_index":"logs"}}', JSON.stringify(document));
    if (batch.length >= 2 * BATCH_LINES) flush();
  }
  flush();
  return lines;
}

function sshFields(message: string): ScriptDocument["ssh"] {
  for (const [event, expression] of EVENTS) {
    const match = expression.exec(message);
    if (match) return { event, ...match.groups };
  }
  return undefined;
}
