import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { readCorpora } from "./corpora.ts";
import { figuresOf, fuzz, fuzzBatch } from "./fuzz.ts";
import { PARTS } from "./parts.ts";

/**
 * Compares the engine with its oracles on random cases until the time is over.
 *
 *     npm run fuzz -- [--minutes 10 | --seconds N | --cpu-seconds N] [--seed N] [--part NAME]… [--until-found]
 *     npm run fuzz -- --part NAME --batch SEED      one batch again
 *
 * Exits with 0 when nothing differs, 1 when something does, 2 for words that it does not know.
 */
const USAGE = `usage: npm run fuzz -- [--minutes N | --seconds N | --cpu-seconds N] [--seed N] [--part ${Object.keys(PARTS).join("|")}]… [--until-found] [--batch SEED]`;

function usage(problem: string): never {
  process.stderr.write(`${problem}\n${USAGE}\n`);
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        minutes: { type: "string" },
        seconds: { type: "string" },
        "cpu-seconds": { type: "string" },
        "until-found": { type: "boolean", default: false },
        seed: { type: "string" },
        part: { type: "string", multiple: true },
        batch: { type: "string" },
      },
    }).values;
  } catch (error) {
    return usage((error as Error).message);
  }
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) ? value : usage(`--${name} ${text}: no number`);
}

const given = options();
const { minutes = "10", seconds, "cpu-seconds": cpuSeconds, "until-found": untilFound } = given;
const { seed: givenSeed, part: names = Object.keys(PARTS), batch } = given;
const parts = names.map((name) => {
  const make = Object.hasOwn(PARTS, name) ? PARTS[name as keyof typeof PARTS] : undefined;
  return make ?? usage(`--part ${name}: there is no such part`);
});

if (batch !== undefined) {
  const [make, another] = parts;
  if (make === undefined || another !== undefined) usage("--batch wants one --part");
  report({ parts: [fuzzBatch(make(), numberOf("batch", batch))] });
} else {
  const seed = givenSeed === undefined ? randomInt(2 ** 31) : numberOf("seed", givenSeed);
  for (const [name, lines] of Object.entries(readCorpora().sizes)) {
    if (lines === 0) process.stdout.write(`without the lines of ${name}, which are not on this machine\n`);
  }
  process.stdout.write(`seed ${String(seed)}\n`);
  const time =
    cpuSeconds !== undefined
      ? { seconds: numberOf("cpu-seconds", cpuSeconds), clock: "cpu" as const }
      : { seconds: seconds === undefined ? numberOf("minutes", minutes) * 60 : numberOf("seconds", seconds) };
  // Who only wants to know whether something is found does not wait for the smallest case.
  const how = untilFound ? { untilFound, patience: 2000 } : {};
  report(
    await fuzz(
      parts.map((make) => make()),
      { seed, ...time, ...how },
    ),
  );
}

function report(result: Awaited<ReturnType<typeof fuzz>>): void {
  process.stdout.write(`${figuresOf(result)}\n`);
  for (const { failure } of result.parts) {
    if (failure === undefined) continue;
    process.stdout.write(`\n${failure}\n`);
    process.exitCode = 1;
  }
}
