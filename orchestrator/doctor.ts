import type { MadeRules, RulesSource } from "../worker/contract/rules.ts";
import type { ResolvedConfig } from "./config.ts";
import { accessChecks } from "./doctor/access.ts";
import { findingOf } from "./doctor/finding-of.ts";
import { machineChecks } from "./doctor/machine.ts";
import { nodeChecks } from "./doctor/nodes.ts";
import { pipelineChecks } from "./doctor/pipelines.ts";
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
  readonly makeRules: (source: RulesSource) => Promise<MadeRules>;
  readonly signal: AbortSignal;
}

/** One thing that a campaign needs, or one kind of thing. */
export interface Check {
  readonly name: string;
  /** How long it may hold up the others; default 20 s. */
  readonly timeoutSeconds?: number;
  /** What it throws counts as missing, with the error's message, which names the remedy. */
  run(context: DoctorContext): Promise<Finding | readonly Finding[]>;
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
  ...pipelineChecks,
  ...accessChecks,
  ...selfChecks,
  ...nodeChecks,
];

const CHECK_TIMEOUT_SECONDS = 20;

/**
 * Looks at everything that a campaign of this configuration needs, here and on the grid. Changes nothing that stays: directories
 * that are missing are made when they are needed, not here.
 */
export async function diagnose(context: DoctorContext, checks = CHECKS): Promise<readonly Diagnosis[]> {
  const diagnoses: Diagnosis[] = [];
  // One after the other: some of them try ports and processes, which must not see each other.
  for (const check of checks) {
    context.signal.throwIfAborted();
    for (const finding of await examine(check, context)) diagnoses.push({ name: check.name, ...finding });
  }
  return diagnoses;
}

async function examine(check: Check, context: DoctorContext): Promise<readonly Finding[]> {
  const seconds = check.timeoutSeconds ?? CHECK_TIMEOUT_SECONDS;
  const timeout = AbortSignal.timeout(seconds * 1000);
  try {
    return [await check.run({ ...context, signal: AbortSignal.any([context.signal, timeout]) })].flat();
  } catch (error) {
    context.signal.throwIfAborted();
    if (timeout.aborted) return [{ level: "missing", text: `no answer within ${String(seconds)} s` }];
    return [findingOf(error)];
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
