import { ConfigError } from "../worker/contract/errors.ts";

/**
 * The values of a job that come from outside, checked before they are written. `#PBS` lines and resource lists know no
 * quoting, so a value that needs some is refused, by name.
 */

interface Rule {
  readonly pattern: RegExp;
  readonly says: string;
}

const RULES = {
  /** @source qsub(1B): up to 15 characters, the first a letter (POSIX batch); OpenPBS allows more */
  name: { pattern: /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, says: "up to 15 letters, digits, `_`, `.`, `-`, a letter first" },
  /** `queue@server` of PBS, `one,other` of Slurm. */
  queue: { pattern: /^[A-Za-z0-9_][A-Za-z0-9_.,@-]*$/, says: "letters, digits, `_`, `.`, `-`, `,`, `@`" },
  host: { pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]*$/, says: "letters, digits, `_`, `.`, `-`" },
  property: { pattern: /^[A-Za-z][A-Za-z0-9_.-]*$/, says: "letters, digits, `_`, `.`, `-`, a letter first" },
  resource: {
    pattern: /^[A-Za-z][A-Za-z0-9_.-]*(=[A-Za-z0-9_.-]+)?$/,
    says: "a name, or name=value, of letters, digits, `_`, `.`, `-`",
  },
  /** What servers, their hosts' shells and their own path expansion all leave alone. @source Torque prepare_path.c: no blanks */
  plainPath: { pattern: /^\/[A-Za-z0-9_.,:@%+=/-]*$/, says: "a full path of letters, digits and `_.,:@%+=-`" },
  path: { pattern: /^\/\P{Cc}*$/u, says: "a full path without control characters" },
  /** Slurm takes a backslash in an output path for one that must not be expanded. @source sbatch(1), filename pattern */
  pathNoBackslash: { pattern: /^\/[^\p{Cc}\\]*$/u, says: "a full path without control characters or backslashes" },
} as const satisfies Record<string, Rule>;

/**
 * The value itself, when it is fit to be written.
 * @param what names it for people, e.g. `queue`
 * @throws ConfigError `BATCH_VALUE`
 */
export function fit(rule: keyof typeof RULES, what: string, value: string): string {
  if (RULES[rule].pattern.test(value)) return value;
  throw unfit(what, value, RULES[rule].says);
}

export function unfit(what: string, value: string, rule: string): ConfigError {
  return new ConfigError(
    "BATCH_VALUE",
    `the ${what} ${JSON.stringify(value)} cannot be given to the batch system, which takes ${rule}; change it in the configuration`,
    { context: { what } },
  );
}

/** A positive whole number. */
export function whole(what: string, value: number): string {
  if (Number.isSafeInteger(value) && value > 0) return String(value);
  throw unfit(what, String(value), "positive whole numbers");
}

/** MiB, rounded up: the unit that every dialect understands. */
export function mebibytes(bytes: number): string {
  return whole("memory in MiB", Math.ceil(bytes / 2 ** 20));
}

const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 2 ** 10,
  mb: 2 ** 20,
  gb: 2 ** 30,
  tb: 2 ** 40,
  pb: 2 ** 50,
};

/** `512mb`, `16gb`, `524288KB`; a bare number is bytes. Undefined for what counts in words or is no size. */
export function bytesOf(text: string): number | undefined {
  const match = /^(\d+)([kmgtp]?b)?$/i.exec(text);
  return match ? Number(match[1]) * (SIZES[(match[2] ?? "b").toLowerCase()] ?? 1) : undefined;
}
