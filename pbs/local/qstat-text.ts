import type { Attribute } from "./attributes.ts";

const WIDTH = 80;

/** A tab counts as eight columns. */
const CONTINUATION = "\n\t";

/** `ctime(3)` in local time: `Mon Nov 23 17:30:45 2026`, the day padded with a blank. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const [weekday, month, , year] = date.toDateString().split(" ");
  return `${weekday ?? ""} ${month ?? ""} ${String(date.getDate()).padStart(2)} ${date.toTimeString().slice(0, 8)} ${year ?? ""}`;
}

/**
 * One stanza of `qstat -f`. Long values are folded at 80 columns: after a comma where one is,
 * in mid-word where none is, as Torque does.
 */
export function formatStanza(id: string, attributes: readonly Attribute[], folded: boolean): string {
  const lines = attributes.map(([name, value]) => {
    const text = typeof value === "string" ? value : formatTime(value.at);
    return `    ${name} = ${folded ? fold(text, name.length + 7) : text}\n`;
  });
  return `Job Id: ${id}\n${lines.join("")}\n`;
}

/** @param start column at which the text begins */
export function fold(text: string, start: number): string {
  let result = "";
  let column = start;
  for (const piece of text.match(/[^,]*,|[^,]+$/g) ?? []) {
    if (column + piece.length >= WIDTH && column > 8 && result !== "") {
      result += CONTINUATION;
      column = 8;
    }
    for (const character of piece) {
      if (column >= WIDTH - 1) {
        result += CONTINUATION;
        column = 8;
      }
      result += character;
      column++;
    }
  }
  return result;
}

/** All jobs as `qstat -x` writes them: one line, times as epoch seconds, `group.member` nested. */
export function formatXml(jobs: readonly (readonly [id: string, attributes: readonly Attribute[]])[]): string {
  const body = jobs.map(([id, attributes]) => {
    let xml = "";
    let open: string | undefined;
    for (const [name, value] of attributes) {
      const [group, member] = name.split(".", 2);
      if (open !== undefined && (member === undefined || group !== open)) {
        xml += `</${open}>`;
        open = undefined;
      }
      if (member !== undefined && group !== undefined && open === undefined) {
        xml += `<${group}>`;
        open = group;
      }
      const tag = member ?? name;
      const text = typeof value === "string" ? value : String(Math.floor(value.at / 1000));
      xml += `<${tag}>${escapeXml(text)}</${tag}>`;
    }
    if (open !== undefined) xml += `</${open}>`;
    return `<Job><Job_Id>${escapeXml(id)}</Job_Id>${xml}</Job>`;
  });
  return `<?xml version="1.0"?>\n<Data>${body.join("")}</Data>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
}
