import type { Stanza } from "./stanza.ts";

const HEADER = /^(?:Job Id|Queue|Server):\s*(\S+)\s*$/;
const ATTRIBUTE = /^( {4}|\t)([A-Za-z_][\w.-]*) = (.*)$/;

/**
 * Reads the text of `qstat -f` (jobs), `qstat -Qf` (queues) and `qstat -Bf` (server), folded or not.
 *
 * Torque and PBS Pro indent attributes by four blanks and fold values at 80 columns with a line
 * end and a tab, in the middle of words; Slurm's wrapper indents by a tab and does not fold.
 * A stanza's first attribute tells which it is: a line with the other indent then goes on
 * with the value before it, whatever it looks like. A line without indent is the rest of a value that holds a line end
 * (Torque's `sched_hint`).
 * @source qstat(1B); captures in test/fixtures/pbs
 */
export function parseQstatF(text: string): Stanza[] {
  const stanzas: Stanza[] = [];
  let attributes: Map<string, string> | undefined;
  let indent: string | undefined;
  let last: string | undefined;
  for (const line of text.split("\n")) {
    const id = HEADER.exec(line)?.[1];
    if (id !== undefined) {
      attributes = new Map();
      indent = undefined;
      last = undefined;
      stanzas.push({ id, attributes });
      continue;
    }
    if (!attributes || line.trim() === "") continue;
    const match = ATTRIBUTE.exec(line);
    if (match?.[2] !== undefined && (indent === undefined || match[1] === indent)) {
      indent = match[1];
      last = match[2];
      attributes.set(last, match[3] ?? "");
    } else if (last !== undefined) {
      const rest = line.startsWith("\t") ? line.slice(1) : `\n${line}`;
      attributes.set(last, (attributes.get(last) ?? "") + rest);
    }
  }
  return stanzas;
}
