import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { Origin } from "../../worker/contract/chunk.ts";
import { ownedBlocks } from "../../worker/framing/lines.ts";
import { runReference } from "../../worker/parsers/reference.ts";
import { DEFAULT_RULES, plainPipelines } from "../support/rules.ts";
import { createPipeline } from "../../worker/pipeline.ts";

/**
 * What a line costs on one core: the pipeline beside its reference and beside what one would write in an afternoon
 * (readline, a RegExp, JSON.stringify). The candidates take turns over the same lines, so that a busy machine is busy for
 * all of them; the figure is CPU time. Nothing is compared with a stored baseline.
 *
 *     node test/perf/pipeline.ts [--lines 200000] [--rounds 10] [--file LOG] [--json]
 */
const { values } = parseArgs({
  options: {
    lines: { type: "string", default: "200000" },
    rounds: { type: "string", default: "10" },
    file: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "hosts/auth/2013/01/auth.log.20130114",
  month: "2013-01",
  firstDay: "2013-01-14",
  timeZone: "Europe/Prague",
  service: "auth",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};

/** 30 % failed and 10 % accepted logins, 20 % CRON, 20 % pbs_mom, 20 % kernel lines with quotes. */
function someLines(count: number): Buffer {
  let state = 1;
  const below = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const lines: string[] = [];
  for (let i = 0, time = Date.UTC(2013, 0, 14); i < count; i++) {
    time += below(5) * 200;
    const clock = new Date(time).toISOString().slice(11, 19);
    const address = `${1 + below(220)}.${below(256)}.${below(256)}.${below(256)}`;
    const pid = 1000 + below(30_000);
    const kind = below(10);
    const rest =
      kind < 3
        ? `sshd[${pid}]: Failed password for invalid user u${below(1000)} from ${address} port ${1024 + below(60_000)} ssh2`
        : kind < 4
          ? `sshd[${pid}]: Accepted publickey for u${below(1000)} from ${address} port ${1024 + below(60_000)} ssh2`
          : kind < 6
            ? `CRON[${pid}]: pam_unix(cron:session): session closed for user root`
            : kind < 8
              ? `pbs_mom: LOG_ERROR::sister could not communicate (15059) in ${below(1e6)}.arien, job_start_error from node ${address}:15003`
              : `kernel: [${below(1e6)}.${below(1e6)}] eth0: link "up", 1000Mbps, full-duplex, lpa 0x${below(65_536).toString(16)}`;
    lines.push(`Jan ${clock < "12" ? "14" : "15"} ${clock} hildor${below(500)}-1.prf.jcu.cz ${rest}\n`);
  }
  return Buffer.from(lines.join(""));
}

const HEADER = /^(?:<(\d+)>)?(\w{3}) +(\d+) (\d\d):(\d\d):(\d\d) (\S+) (?:([^\s:[]+)(?:\[(\d+)\])?: )?(.*)$/;
const AUTHN = /^(Accepted|Failed) (\S+) for (?:invalid user )?(.*) from (\S+) port \d+/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The afternoon's script: no zone, no year, no dirty lines, one of seven ssh messages. */
async function readlineScript(path: string): Promise<number> {
  let count = 0;
  let batch: string[] = [];
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const match = HEADER.exec(line);
    if (!match) continue;
    const [, pri, month, day, hour, minute, second, host, program, pid, message = ""] = match;
    const ssh = program === "sshd" ? AUTHN.exec(message) : null;
    const time = new Date(Date.UTC(2013, MONTHS.indexOf(month!), Number(day), +hour!, +minute!, +second!));
    const fields = ssh && { event: "AUTHN", result: ssh[1], method: ssh[2], user: ssh[3], remote: ssh[4] };
    batch.push(
      '{"create":{"_index":"logs"}}',
      JSON.stringify({ "@timestamp": time, host, program, pid, pri, message, ssh: fields }),
    );
    count++;
    if (batch.length >= 10_000) {
      sink += Buffer.byteLength(batch.join("\n"));
      batch = [];
    }
  }
  sink += Buffer.byteLength(batch.join("\n"));
  return count;
}

/** Keeps the results alive. */
let sink = 0;

async function blocksOf(bytes: Uint8Array): Promise<{ block: Uint8Array; base: number }[]> {
  const blocks = [];
  const reader = { read: async (position: number, length: number) => bytes.subarray(position, position + length) };
  for await (const block of ownedBlocks(reader, { start: 0, end: bytes.length }, bytes.length, 1 << 20))
    blocks.push(block);
  return blocks;
}

const folder = await mkdtemp(join(tmpdir(), "gridharvest-bench-"));
try {
  const bytes = values.file ? await readFile(values.file) : someLines(Number(values.lines));
  const path = join(folder, "lines.log");
  await writeFile(path, bytes);
  const blocks = await blocksOf(bytes);
  const pipeline = createPipeline(DEFAULT_RULES);
  const plain = plainPipelines(DEFAULT_RULES)(ORIGIN.service);
  const candidates: Record<string, () => number | Promise<number>> = {
    pipeline() {
      let count = 0;
      for (const { block, base } of blocks) {
        const batch = pipeline.run(block, base, ORIGIN);
        count += batch.count;
        sink += batch.body.length;
      }
      return count;
    },
    "readline + RegExp + JSON.stringify": () => readlineScript(path),
    reference() {
      // A tenth of it: it is that much slower.
      const { block, base } = blocks[0]!;
      return runReference(block, base, ORIGIN, plain).count;
    },
  };

  const cpu = new Map<string, { micros: number; lines: number }>();
  const rounds = Number(values.rounds);
  // The first two rounds warm the compiler up.
  for (let round = -2; round < rounds; round++) {
    const names = Object.keys(candidates);
    for (const name of round % 2 === 0 ? names : names.reverse()) {
      // Of the process: the script reads its file on other threads.
      const before = process.cpuUsage();
      const lines = await candidates[name]!();
      const used = process.cpuUsage(before);
      const total = cpu.get(name) ?? { micros: 0, lines: 0 };
      if (round >= 0) cpu.set(name, { micros: total.micros + used.user + used.system, lines: total.lines + lines });
    }
  }
  const results = Object.keys(candidates).map((name) => {
    const { micros, lines } = cpu.get(name)!;
    return { name, microsPerLine: micros / lines, linesPerSecond: Math.round((lines / micros) * 1e6) };
  });
  if (sink === 0) throw new Error("the candidates made nothing");
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ results })}\n`);
  } else {
    for (const { name, microsPerLine, linesPerSecond } of results) {
      process.stdout.write(
        `${name.padEnd(36)} ${microsPerLine.toFixed(2)} µs/line  ${linesPerSecond.toLocaleString("en")} lines/s\n`,
      );
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
