/** A column of a text table. */
export interface Column<T> {
  readonly title: string;
  /** Numbers stand on the right. */
  readonly right?: boolean;
  readonly text: (row: T) => string;
}

/** Rows under their titles, each column as wide as it needs. The last line has no line end. */
export function textTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => text(row)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  return cells
    .map((line) =>
      line
        .map((cell, i) => (columns[i]!.right ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
