import { formatBytes, formatCount, formatTable } from "../cli/io.ts";
import type { MappingComparison } from "./compare-mappings.ts";

/** A comparison as people read it: a row for each choice, the default first, and why others have no figures. Pure. */
export function comparisonText({ sample, choices }: MappingComparison, cluster: string): string {
  const first = choices.find(({ figures }) => figures)?.figures;
  const share = (value: number, of: number | undefined): string =>
    of === undefined || of === 0 ? "" : (value / of).toFixed(2);
  const rows = choices.flatMap(({ choice, isConfigured, figures }) =>
    figures
      ? [
          [
            choice.mode,
            choice.source,
            choice.codec,
            figures.indexBytesPerDocument.toFixed(1),
            share(figures.indexBytesPerDocument, first?.indexBytesPerDocument),
            figures.storeMicrosPerDocument.toFixed(1),
            share(figures.storeMicrosPerDocument, first?.storeMicrosPerDocument),
            formatBytes(figures.indexBytes),
            [
              ...(isConfigured ? ["configured"] : []),
              ...(figures.rejected > 0 ? [`${formatCount(figures.rejected)} documents rejected`] : []),
            ].join(", "),
          ],
        ]
      : [],
  );
  const table = formatTable(
    [
      { title: "MODE" },
      { title: "SOURCE" },
      { title: "CODEC" },
      { title: "BYTES/DOC", align: "right" },
      { title: "", align: "right" },
      { title: "µS/DOC", align: "right" },
      { title: "", align: "right" },
      { title: "INDEX", align: "right" },
      { title: "" },
    ],
    rows,
  );
  const rounds = Math.max(0, ...choices.map(({ figures }) => figures?.rounds ?? 0));
  const head = `How indices may keep these documents (${formatCount(sample.documents)} documents of ${formatCount(sample.files)} files, ${formatBytes(sample.bytes)} of lines, ${String(rounds)} rounds, ${cluster}):\n`;
  const without = choices.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}\n`]));
  return [head, table, ...without].join("");
}
