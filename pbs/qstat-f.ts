/** One stanza of `qstat -f`: the id, and the attributes by the names as printed. */
export interface QstatStanza {
  readonly id: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/**
 * Reads the text of `qstat -f`, folded or not.
 *
 * Torque and PBS Pro indent attributes by four blanks and fold at 80 columns with a line end and a tab, in the
 * middle of words; Slurm's wrapper indents by a tab and does not fold. A continuation is therefore a line that begins
 * with a tab and holds no ` = ` of an attribute's shape after it in a dialect that indents by blanks.
 * @source qstat(1B); captures in test/fixtures/pbs
 */
export function parseQstatF(text: string): QstatStanza[] {
  const stanzas: { id: string; attributes: Map<string, string> }[] = [];
  let current: { id: string; attributes: Map<string, string> } | undefined;
  let last: string | undefined;
  for (const line of text.split("\n")) {
    const header = /^Job Id:\s*(\S+)\s*$/.exec(line);
    if (header?.[1] !== undefined) {
      current = { id: header[1], attributes: new Map() };
      stanzas.push(current);
      last = undefined;
      continue;
    }
    if (!current || line.trim() === "") continue;
    const attribute = /^(?: {4}|\t)([A-Za-z_][\w.]*) = (.*)$/.exec(line);
    const folded = line.startsWith("\t") && last !== undefined;
    if (attribute?.[1] !== undefined && !(folded && isFoldedBlankDialect(current.attributes))) {
      last = attribute[1];
      current.attributes.set(last, attribute[2] ?? "");
    } else if (folded && last !== undefined) {
      current.attributes.set(last, (current.attributes.get(last) ?? "") + line.slice(1));
    }
  }
  return stanzas;
}

/** `server` stands in each stanza of the dialects that fold, and in none of Slurm's wrapper's. */
function isFoldedBlankDialect(attributes: ReadonlyMap<string, string>): boolean {
  return attributes.has("server");
}
