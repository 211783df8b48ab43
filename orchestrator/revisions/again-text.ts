import type { Again } from "./again.ts";

const number = (n: number): string => n.toLocaleString("en-US");

/** What is loaded again, and why, in lines for people. */
export function againLines(again: Again, revision: number): readonly string[] {
  const { mode, campaign, files } = again;
  const whys: readonly (readonly [number, string])[] = [
    [files.new, "new"],
    [files.partial, "not loaded whole"],
    [files.changed, "other files than those that were loaded (place, size or time)"],
    [files.rules, "loaded by another pipeline or layout"],
  ];
  const why = whys.filter(([n]) => n > 0).map(([n, text]) => `${number(n)} ${text}`);
  const lines = [
    `revision ${String(revision)} of it goes on from revision ${String(again.revision)} (campaign ${campaign}); --again ${mode} loads ${number(files.loaded)} files`,
    `the archive's files, compared with that one: ${why.join("; ") || "all as they were"}`,
  ];
  if (files.carried > 0) {
    const gone = files.gone > 0 ? `, ${number(files.gone)} of which the archive does not hold any more` : "";
    lines.push(
      `taken over from its snapshot: ${number(files.carried)} files${gone}, ${number(again.chunks)} chunks, ${number(again.documents)} documents`,
    );
  } else if (files.gone > 0) {
    lines.push(`lost: ${number(files.gone)} files that were loaded then and that the archive does not hold any more`);
  }
  if (files.leftOut > 0) lines.push(`left out: ${number(files.leftOut)} new files, which --again missing loads`);
  return lines;
}
