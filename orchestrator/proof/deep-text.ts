import { formatCount } from "../cli/io.ts";
import type { DeepVerification } from "../verify-deep.ts";
import { archiveText, differenceText } from "./deep-result.ts";

/** Whether archive, ledger and documents agree, after a repair if there was one. */
export function isVerified({ sums, deep }: DeepVerification): boolean {
  const differs = deep.differences.some(({ repaired }) => repaired !== true);
  return !differs && deep.archive.length === 0 && sums.differences.length === 0;
}

/** For people: what was compared, each thing that differs, and what was done. */
export function deepText({ sums, deep, mended }: DeepVerification): string {
  const list = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  const { files, chunks, documents, differences, archive } = deep;
  const done = mended
    ? `mended: ${formatCount(mended.created)} documents created, ${formatCount(mended.replaced)} replaced, ${formatCount(mended.deleted)} deleted\n`
    : "";
  const agree = differences.length + archive.length + sums.differences.length === 0;
  return (
    `${formatCount(documents)} documents of ${formatCount(chunks)} chunks in ${formatCount(files)} files were compared with the archive${agree ? ": all are as their lines say" : ""}\n` +
    list("documents that are not those of their lines:", differences.map(differenceText)) +
    done +
    list("of the archive nothing can be said here:", archive.map(archiveText)) +
    list(mended ? "the ledger and the cluster still differ:" : "the ledger and the cluster differ:", sums.differences)
  );
}
