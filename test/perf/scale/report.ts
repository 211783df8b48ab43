import type { Forecast } from "../../../orchestrator/simulation/forecast.ts";
import type { Row } from "../benchmark.ts";
import { textTable } from "../table.ts";
import type { ScaleOptions, Shape } from "./options.ts";
import type { Loaded } from "./real-run.ts";
import { median } from "../../../orchestrator/median.ts";

/** One real load and what was predicted of it. */
export interface RunRow extends Row, Shape {
  readonly kind: "calibrated on" | "predicted";
  readonly seconds: number;
  readonly predicted: number;
  readonly low: number;
  readonly high: number;
  /** Of the prediction, as a share of what was measured. */
  readonly error: number;
  readonly storeMicrosPerDocument: number;
  readonly parserMicrosPerLine: number;
  readonly limit: string;
  /** Of the machine while it was loaded: what others had to do meanwhile. */
  readonly loadAverage: number;
  /** CPU that the same work took at that time, in the middle: what others made of the machine's speed. */
  readonly yardstickMillis: number;
}

export function runRow(shape: Shape, { measured, course }: Loaded, forecast: Forecast, kind: RunRow["kind"]): RunRow {
  const { median: predicted, low, high } = forecast.loadSeconds;
  return {
    name: `${String(shape.dataNodes)} data nodes, ${String(shape.parsers)} parsers`,
    ...shape,
    kind,
    seconds: measured.loadSeconds,
    predicted,
    low,
    high,
    error: predicted / measured.loadSeconds - 1,
    storeMicrosPerDocument: (measured.storeCpuSeconds * 1e6) / measured.documents,
    parserMicrosPerLine: (measured.parserCpuSeconds * 1e6) / measured.lines,
    limit: forecast.limit.stage,
    loadAverage: course.reduce((sum, row) => sum + row.loadAverage, 0) / course.length,
    yardstickMillis: median(course.map((row) => row.yardstickMillis)),
  };
}

/** Documents/s of a data node against those of one data node with as many parsers each: 1 where nodes add up. */
function efficiency(row: RunRow, rows: readonly RunRow[]): string {
  const alone = rows.find(
    (other) => other.dataNodes === 1 && other.parsers === row.parsers && other.chunkBytes === row.chunkBytes,
  );
  return alone ? (alone.seconds / row.seconds / row.dataNodes).toFixed(2) : "";
}

export function runsText(rows: readonly RunRow[], options: ScaleOptions, isLimited: boolean): string {
  const limits = isLimited
    ? `each data node on ${String(options.dataNodeCores)}, each parser on ${String(options.parserCores)} of a core, by control groups`
    : "no control groups can be made here: nodes share the machine without limits";
  const table = textTable<RunRow>(
    [
      { title: "data nodes", right: true, text: (row) => String(row.dataNodes) },
      { title: "parsers", right: true, text: (row) => String(row.parsers) },
      { title: "chunk KiB", right: true, text: (row) => String(row.chunkBytes / 1024) },
      { title: "", text: (row) => row.kind },
      { title: "load s", right: true, text: (row) => row.seconds.toFixed(1) },
      { title: "predicted s", right: true, text: (row) => row.predicted.toFixed(1) },
      { title: "from", right: true, text: (row) => row.low.toFixed(1) },
      { title: "to", right: true, text: (row) => row.high.toFixed(1) },
      { title: "off %", right: true, text: (row) => (row.error * 100).toFixed(0) },
      { title: "store µs/doc", right: true, text: (row) => row.storeMicrosPerDocument.toFixed(1) },
      { title: "parser µs/line", right: true, text: (row) => row.parserMicrosPerLine.toFixed(1) },
      { title: "efficiency", right: true, text: (row) => efficiency(row, rows) },
      { title: "yardstick ms", right: true, text: (row) => row.yardstickMillis.toFixed(1) },
      { title: "load average", right: true, text: (row) => row.loadAverage.toFixed(0) },
      { title: "limit", text: (row) => row.limit },
    ],
    rows,
  );
  return `${String(options.lines)} lines; ${limits}\n${table}\nefficiency: of one data node with as many parsers, for each data node`;
}
