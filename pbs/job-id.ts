/** `12.server`, `12[1].server`, `12[].server`, `12.server@other` and what is left of them when a column is too narrow. */
const ID = /^(\d+(?:\[\d*\])?)(?:\.([^@*\s]*))?(?:@\S+)?(\*)?$/;

/** An id of a PBS server as it may stand on a command line. */
export const PBS_JOB_ID = /^\d+(\[\d*\])?(\.[A-Za-z0-9_-][A-Za-z0-9_.:-]*)?(@[A-Za-z0-9_-][A-Za-z0-9_.:-]*)?$/;

/**
 * Whether two texts name one job: the numbers (and indices in an array) are equal, and the servers do not contradict each
 * other. A server may be missing, short (`12.pbs` for `12.pbs.site.org`), cut off (`12.pbs-serv*`) or another than the
 * one that the job was moved to, which stands behind an `@`.
 */
export function isSameJob(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [ID.exec(a), ID.exec(b)];
  if (!left || !right || left[1] !== right[1]) return false;
  const [one = "", other = ""] = [left[2], right[2]];
  if (left[3] === "*" && other.startsWith(one)) return true;
  if (right[3] === "*" && one.startsWith(other)) return true;
  return one === "" || other === "" || one === other || one.startsWith(`${other}.`) || other.startsWith(`${one}.`);
}

/**
 * The asked id that a printed one means.
 * @returns undefined when it means none of them, or more than one
 */
export function resolveId(printed: string, asked: readonly string[]): string | undefined {
  if (asked.includes(printed)) return printed;
  const [match, ...others] = asked.filter((id) => isSameJob(id, printed));
  return others.length === 0 ? match : undefined;
}
