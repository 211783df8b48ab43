import { cpus, loadavg } from "node:os";
import type { Goal } from "../benchmark.ts";
import { goalTable } from "../goal-table.ts";
import { textTable } from "../table.ts";
import type { IngestCorpus } from "./corpus.ts";
import type { IngestRow } from "./figures.ts";
import type { KillRow } from "./kills.ts";
import type { IngestOptions } from "./options.ts";

/** The figures for people. */
export function ingestReport(
  rows: readonly IngestRow[],
  kills: readonly KillRow[],
  goals: readonly Goal[],
  corpus: IngestCorpus,
  options: IngestOptions,
): string {
  const loads = textTable<IngestRow>(
    [
      { title: "loader", text: ({ name }) => name },
      { title: "ids", text: ({ ids }) => ids },
      { title: "documents/s", right: true, text: ({ documentsPerSecond }) => figure(documentsPerSecond, whole) },
      { title: "of the ceiling", right: true, text: ({ ofCeiling }) => figure(ofCeiling, fixed) },
      { title: "by CPU", right: true, text: ({ ofCeilingByCpu }) => figure(ofCeilingByCpu, fixed) },
      { title: "store µs", right: true, text: ({ store }) => figure(store, fixed) },
      { title: "sender µs", right: true, text: ({ sender }) => figure(sender, fixed) },
      { title: "bytes", right: true, text: ({ bytesPerDocument }) => figure(bytesPerDocument, whole) },
      { title: "note", text: ({ missing, note }) => (missing === null ? (note ?? "") : `not here: ${missing}`) },
    ],
    rows,
  );
  const failures = rows.flatMap((row) => row.failures.map((failure) => `${row.name} (${row.ids}) failed, ${failure}`));
  const killed = textTable<KillRow>(
    [
      { title: "killed in mid-load", text: ({ name }) => name },
      { title: "ids", text: ({ ids }) => ids },
      { title: "written by then", right: true, text: ({ written }) => whole(written) },
      { title: "lost", right: true, text: ({ lost }) => whole(lost) },
      { title: "doubled", right: true, text: ({ doubled }) => whole(doubled) },
      { title: "wrong", right: true, text: ({ wrong }) => whole(wrong) },
    ],
    kills,
  );
  const [load = 0] = loadavg();
  return [
    loads,
    ...(failures.length > 0 ? [failures.join("\n")] : []),
    ...(kills.length > 0 ? [killed] : []),
    goalTable(goals),
    `${whole(corpus.lines)} lines, ${whole(corpus.bytes / 1e6)} MB; medians of ${options.rounds} rounds, all by turns into an index of one warm node over TLS, ` +
      "ratios within a round; CPU of all threads and bytes on disk, a document; each document was read back and compared with its line; " +
      `bodies of ${fixed(options.bulkBytes / 2 ** 20)} MiB, ${options.inFlight} at once; ${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, load ${load.toFixed(1)} at the end`,
  ].join("\n\n");
}

function figure(value: number | null | undefined, text: (value: number) => string): string {
  return value === null || value === undefined ? "–" : text(value);
}

const fixed = (value: number) => value.toFixed(2);
const whole = (value: number) => Math.round(value).toLocaleString("en");
