import { GridError } from "../../worker/contract/errors.ts";
import type { Argv } from "../batch-system.ts";

/**
 * One command as the one line of text that ssh carries to the account's login shell, and what comes back of it. Pure.
 *
 * The line starts /bin/sh with a fixed script and the words as its arguments. The script says on stderr, in lines that begin with a token, the number
 * of its process group (so that the command can be ended from a second session: servers take no signals for root, and old ones none at all), that the
 * program is missing, and the exit status (ssh(1) reports its own failures as 255, which is a status of qsub too).
 */

/** `exec` in a subshell runs programs only, never a builtin of that name. */
const SCRIPT = [
  'mark=$1; [ -z "$2" ] || PATH=$2:$PATH; export PATH; shift 2',
  'echo "$mark group $$" >&2',
  'command -v -- "$1" >/dev/null 2>&1 || { echo "$mark missing" >&2; exit 127; }',
  '(exec "$@")',
  'status=$?; echo "$mark exit $status" >&2; exit "$status"',
].join("; ");

/** TERM, and KILL for what is still there 2 s later. */
const END_SCRIPT =
  'kill -s TERM -- "-$1" || exit 0; sleep 1; kill -s 0 -- "-$1" || exit 0; sleep 1; kill -s KILL -- "-$1"';

const DECODE_SCRIPT = 'eval "$(printf %b "$1")"';

/** What no shell that somebody may have for a login shell gives a meaning to. zsh has one for a leading `=`. */
const PLAIN_WORD = /^[A-Za-z0-9_./:,@+-]+$/;

/** Within single quotes the C shell still looks for `!` and ends at a line break, and fish reads backslashes. */
const TRAPS_OF_OTHER_SHELLS = /[!\\\r\n]/;

/** @throws GridError `COMMAND_MISSING` for words that no process can be given */
export function remoteLine(
  argv: Argv,
  options: {
    /** Random, so that no command prints it by chance. */
    readonly token: string;
    /** Directories that are searched before the account's PATH. */
    readonly commandDirs: readonly string[];
  },
): string {
  const bad = argv.find((word) => word.includes("\0"));
  if (bad !== undefined) {
    throw new GridError("COMMAND_MISSING", `${JSON.stringify(bad)} cannot stand on a command line; take the NUL out`);
  }
  return shellLine(SCRIPT, [options.token, options.commandDirs.join(":"), ...argv]);
}

/** Ends the process group of a command that `remoteLine` started. */
export function endLine(group: number): string {
  return shellLine(END_SCRIPT, [String(group)]);
}

function shellLine(script: string, words: readonly string[]): string {
  const line = ["exec", "/bin/sh", "-c", quote(script), "sh", ...words.map(quote)].join(" ");
  if (words.every((word) => !TRAPS_OF_OTHER_SHELLS.test(word) && !word.includes("'"))) return line;
  return ["exec", "/bin/sh", "-c", quote(DECODE_SCRIPT), "sh", quote(octal(line))].join(" ");
}

/** @source POSIX shell command language 2.2.2, single quotes */
function quote(word: string): string {
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** For printf's `%b`: nothing but letters, digits, spaces and `\0ooo`. @source POSIX printf, "%b" */
function octal(text: string): string {
  return Array.from(Buffer.from(text, "utf8"), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9 ]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, "0")}`;
  }).join("");
}

/** What the script has said on stderr. */
export interface RemoteMarks {
  /** Process group of the command, once it is known. */
  readonly group?: number;
  readonly missing: boolean;
  readonly exit?: number;
  /** stderr without the marks: the command's own, and what the login shell had to say before it. */
  readonly stderr: string;
}

/** Takes the marks out of what arrived on stderr so far. */
export function readMarks(stderr: string, token: string): RemoteMarks {
  const marks: { group?: number; exit?: number; missing: boolean } = { missing: false };
  const rest = stderr.replaceAll(
    new RegExp(`${token} (?:(group|exit) (\\d+)|missing)\\n`, "g"),
    (_, name: "group" | "exit" | undefined, number: string) => {
      if (name === undefined) marks.missing = true;
      else marks[name] = Number(number);
      return "";
    },
  );
  return { ...marks, stderr: rest };
}
