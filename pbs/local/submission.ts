import { Refusal } from "./refusal.ts";
import { splitResources } from "./resource-list.ts";

/** Options of qsub that this batch system follows; `true` takes a value. */
const OPTIONS: Readonly<Record<string, boolean>> = {
  N: true,
  q: true,
  l: true,
  o: true,
  e: true,
  v: true,
  V: false,
  j: true,
  S: true,
  d: true,
  C: true,
  z: false,
  // Accepted without effect: jobs are never rerun, nobody gets mail, all have one priority.
  r: true,
  m: true,
  M: true,
  p: true,
  A: true,
};

export const QSUB_USAGE = `usage: qsub [-A account_string] [-C directive_prefix] [-d path] [-e path] [-j oe|eo|n]
    [-l resource_list] [-m n|{abe}] [-M user_list] [-N jobname] [-o path] [-p priority]
    [-q queue] [-r y|n] [-S path] [-v variable_list] [-V] [-z] [script]
`;

/** What `#PBS` lines and arguments ask for. */
export interface Submission {
  readonly options: ReadonlyMap<string, string>;
  readonly resources: ReadonlyMap<string, string>;
  /** Words that are no options: the script. */
  readonly operands: readonly string[];
}

/** Reads an argument list, of the command line or of one `#PBS` line. `-Nname` is `-N name`. */
export function readOptions(args: readonly string[]): Submission {
  const options = new Map<string, string>();
  let resources: ReadonlyMap<string, string> = new Map<string, string>();
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (word === "--") {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      operands.push(word);
      continue;
    }
    const letter = word.charAt(1);
    const takesValue = OPTIONS[letter];
    if (takesValue === undefined) {
      throw Refusal.usage(
        `qsub: invalid option -- '${letter}'\n(the local batch system does not know it)\n${QSUB_USAGE}`,
      );
    }
    if (!takesValue) {
      options.set(letter, "");
      if (word.length > 2) args = [...args.slice(0, i + 1), `-${word.slice(2)}`, ...args.slice(i + 1)];
      continue;
    }
    const value = word.length > 2 ? word.slice(2) : args[++i];
    if (value === undefined) {
      throw Refusal.usage(`qsub: option requires an argument -- '${letter}'\n${QSUB_USAGE}`);
    }
    if (letter === "l") resources = new Map([...resources, ...splitResources(value)]);
    else options.set(letter, value);
  }
  return { options, resources, operands };
}

/** The later one wins, resource by resource: arguments over `#PBS` lines, as in Torque. */
export function mergeSubmissions(directives: Submission, args: Submission): Submission {
  return {
    options: new Map([...directives.options, ...args.options]),
    resources: new Map([...directives.resources, ...args.resources]),
    operands: args.operands,
  };
}

/**
 * The arguments in a script's `#PBS` lines, which stand before its first command.
 * @param prefix `-C`'s value; an empty one switches directives off
 */
export function readDirectives(script: string, prefix = "#PBS"): Submission {
  const args: string[] = [];
  for (const line of script.split("\n")) {
    const text = line.trimStart();
    if (text === "" || text === ":") continue;
    if (prefix !== "" && line.startsWith(prefix) && /^\s/.test(line.slice(prefix.length))) {
      args.push(...splitWords(line.slice(prefix.length)));
    } else if (!text.startsWith("#")) break;
  }
  return readOptions(args);
}

/** Words of a `#PBS` line: quotes hold blanks together, a backslash takes the next character as it is. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(
      match[0].replaceAll(
        /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
        (_, escaped?: string, double?: string, single?: string) =>
          escaped ?? double?.replaceAll(/\\(.)/g, "$1") ?? single ?? "",
      ),
    );
  }
  return words;
}

/**
 * `-v`'s list: `A=1,B,C='x,y'`. A name without a value takes that of the caller's environment
 * (nothing when it has none); quotes keep a comma inside a value.
 */
export function readVariables(list: string, environment: NodeJS.ProcessEnv): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const match of list.matchAll(/([^=,]+)(=((?:"[^"]*"|'[^']*'|\\.|[^,])*))?(?:,|$)/g)) {
    const name = match[1] ?? "";
    const value =
      match[2] === undefined
        ? environment[name]
        : (match[3] ?? "").replaceAll(
            /^"([^"]*)"$|^'([^']*)'$|\\(.)/g,
            (_, double?: string, single?: string, escaped?: string) => double ?? single ?? escaped ?? "",
          );
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}
