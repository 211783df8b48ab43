import { describeError } from "../worker/contract/errors.ts";
import type { ResolvedConfig } from "./config.ts";
import { accessChecks } from "./doctor/access.ts";
import { machineChecks } from "./doctor/machine.ts";
import { placeChecks } from "./doctor/places.ts";
import { programChecks } from "./doctor/programs.ts";
import { selfChecks } from "./doctor/self.ts";
import type { StatePaths } from "./paths.ts";

/** What a check found. A warning is something to know that keeps nothing from working. */
export interface Finding {
  readonly level: "ok" | "warning" | "missing";
  /** What is there, or what is wrong. */
  readonly text: string;
  /** What to do about it: a command or a configuration value. */
  readonly remedy?: string;
}

/** What checks look at. */
export interface DoctorContext {
  readonly resolved: ResolvedConfig;
  readonly paths: StatePaths;
  readonly signal: AbortSignal;
}

/** One thing that a campaign needs. */
export interface Check {
  readonly name: string;
  /** What it throws counts as missing, with the error's message, which names the remedy. */
  run(context: DoctorContext): Promise<Finding>;
}

/** A check with what it found. */
export interface Diagnosis extends Finding {
  readonly name: string;
}

/** Every check, in the order in which they are reported. */
export const CHECKS: readonly Check[] = [
  ...programChecks,
  ...machineChecks,
  ...placeChecks,
  ...accessChecks,
  ...selfChecks,
];

/** No check may hold up the others for longer. */
const CHECK_TIMEOUT_MS = 20_000;

/**
 * Looks at everything that a campaign of this configuration needs on this machine. Changes nothing that stays: directories
 * that are missing are made when they are needed, not here.
 */
export async function diagnose(context: DoctorContext, checks = CHECKS): Promise<readonly Diagnosis[]> {
  const diagnoses: Diagnosis[] = [];
  // One after the other: some of them try ports and processes, which must not see each other.
  for (const check of checks) {
    context.signal.throwIfAborted();
    diagnoses.push({ name: check.name, ...(await examine(check, context)) });
  }
  return diagnoses;
}

async function examine(check: Check, context: DoctorContext): Promise<Finding> {
  const timeout = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  try {
    return await check.run({ ...context, signal: AbortSignal.any([context.signal, timeout]) });
  } catch (error) {
    context.signal.throwIfAborted();
    if (timeout.aborted) return { level: "missing", text: `no answer within ${CHECK_TIMEOUT_MS / 1000} s` };
    // Our messages end in the remedy, after a semicolon.
    const message = describeError(error);
    const at = message.lastIndexOf("; ");
    return at < 0
      ? { level: "missing", text: message }
      : { level: "missing", text: message.slice(0, at), remedy: message.slice(at + 2) };
  }
}

/** Whether a campaign can run. */
export function isSound(diagnoses: readonly Diagnosis[]): boolean {
  return diagnoses.every(({ level }) => level !== "missing");
}

const MARKS = { ok: "✓", warning: "!", missing: "✗" } as const;

/** One line for each check, remedies below theirs, and a last line that says how many want attention. */
export function formatDiagnoses(diagnoses: readonly Diagnosis[]): string {
  const width = Math.max(...diagnoses.map(({ name }) => name.length));
  const indent = " ".repeat(width + 4);
  const lines = diagnoses.flatMap(({ name, level, text, remedy }) => [
    `${MARKS[level]} ${name.padEnd(width)}  ${text.replaceAll("\n", `\n${indent}`)}`,
    ...(remedy === undefined ? [] : [`${indent}→ ${remedy.replaceAll("\n", `\n${indent}  `)}`]),
  ]);
  const count = (level: Finding["level"]): number => diagnoses.filter((diagnosis) => diagnosis.level === level).length;
  const missing = count("missing");
  const summary =
    missing === 0 ? "everything is there" : `${missing} ${missing === 1 ? "thing is" : "things are"} missing`;
  const warnings = count("warning");
  return [...lines, "", `${summary}${warnings === 0 ? "" : `, ${warnings} to know about`}`, ""].join("\n");
}
