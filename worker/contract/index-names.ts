import { indexedDays, type YearMonth } from "./months.ts";

/**
 * The names of a campaign's indices. `pattern` is the operator's, with the
 * placeholders `{day}` (`2013.01.14`, or `outside`), `{month}` (`2013.01`, the month
 * of the file's path) and `{revision}`. All three must appear: without the month
 * January's and February's campaigns would write the same index, without the
 * revision a month could not be loaded again beside itself.
 */
export interface IndexNaming {
  readonly pattern: string;
  readonly revision: number;
}

/** The default pattern. */
export const DEFAULT_INDEX_PATTERN = "logs-{day}-m{month}-r{revision}";

/** The index of a day (`YYYY-MM-DD`) or of everything `outside` its month. */
export function indexName(naming: IndexNaming, month: YearMonth, day: string): string {
  return naming.pattern
    .replaceAll("{day}", day.replaceAll("-", "."))
    .replaceAll("{month}", month.replaceAll("-", "."))
    .replaceAll("{revision}", String(naming.revision));
}

/** Every index that a month can write to, `outside` last. They are made before the first bulk. */
export function indexNamesOf(naming: IndexNaming, month: YearMonth): readonly string[] {
  return [...indexedDays(month), "outside"].map((day) => indexName(naming, month, day));
}

/** An index pattern (with `*`) that matches all indices of this naming, for templates and roles. */
export function indexWildcard(naming: IndexNaming): string {
  return naming.pattern.replaceAll(/\{(day|month|revision)\}/g, "*").replaceAll(/\*+/g, "*");
}

/** Likewise for the indices of one month in one revision, and no other's: what a reader of that month may see. */
export function monthWildcard(naming: IndexNaming, month: YearMonth): string {
  return indexName(naming, month, "*");
}

/** Likewise for the indices of one month in whichever revision. */
export function revisionsWildcard(pattern: string, month: YearMonth): string {
  return indexWildcard({ pattern: pattern.replaceAll("{month}", month.replaceAll("-", ".")), revision: 1 });
}

/**
 * Reads the revision out of names of indices that this pattern has made.
 * @returns of a name its revision; undefined for the name of another index
 */
export function revisionReader(pattern: string): (index: string) => number | undefined {
  const parts = {
    day: String.raw`\d{4}\.\d\d\.\d\d|outside`,
    month: String.raw`\d{4}\.\d\d`,
    revision: String.raw`\d+`,
  };
  const seen = new Set<string>();
  const source = pattern.split(/\{(day|month|revision)\}/).map((text, i) => {
    if (i % 2 === 0) return text.replaceAll(".", "\\.");
    if (seen.has(text)) return String.raw`\k<${text}>`;
    seen.add(text);
    return `(?<${text}>${parts[text as keyof typeof parts]})`;
  });
  const name = new RegExp(`^${source.join("")}$`);
  return (index) => {
    const revision = name.exec(index)?.groups?.["revision"];
    return revision === undefined ? undefined : Number(revision);
  };
}
