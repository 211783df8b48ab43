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

/**
 * What one writes in an afternoon: readline, a RegExp, JSON.stringify. It knows the year, but no zone, and no dirty lines: what does not match is passed over.
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
  for await (const line of createInterface({
    input: createReadStream(path, { encoding: "utf8" }),
    crlfDelay: Infinity,
  })) {
    lines++;
    const match = HEADER.exec(line);
    if (!match) continue;
    const [, pri, monthName, day, hour, minute, second, host, program, pid, message = ""] = match;
    const time = new Date(Date.UTC(year, MONTHS.indexOf(monthName!), Number(day), +hour!, +minute!, +second!));
    const fields = ssh && program === "sshd" ? sshFields(message) : undefined;
    batch.push(
      '{"create":{"_index":"logs"}}',
      JSON.stringify({ "@timestamp": time, host, program, pid, pri, message, ssh: fields }),
    );
    if (batch.length >= 2 * BATCH_LINES) flush();
  }
  flush();
  return lines;
}

function sshFields(message: string): object | undefined {
  for (const [event, expression] of EVENTS) {
    const match = expression.exec(message);
    if (match) return { event, ...match.groups };
  }
  return undefined;
}
