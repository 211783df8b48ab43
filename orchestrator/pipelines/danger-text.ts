import type { DangerousPattern } from "../../worker/contract/rules.ts";
import { printable } from "../cli/io.ts";

/** So much of a pattern, and of each part of the example, is shown. */
const SHOWN_CHARACTERS = 80;
const SHOWN_OF_EXAMPLE = 40;

/** The warning of a dangerous expression, with the text that shows it: `"a" then 30 times "b" then "!"`. */
export function dangerText(danger: DangerousPattern): string {
  const { place, pattern, element, definedIn, prefix, pump, times, suffix } = danger;
  const where = place === undefined ? "" : `${place}: `;
  const blame =
    element === undefined || element === pattern
      ? ""
      : `, by the repetition in ${cut(element, SHOWN_CHARACTERS)}${definedIn === undefined ? "" : ` (${definedIn})`}`;
  const bytes = Buffer.byteLength(prefix) + times * Buffer.byteLength(pump) + Buffer.byteLength(suffix);
  const example = [
    ...(prefix === "" ? [] : [quoted(prefix)]),
    `${String(times)} times ${quoted(pump)}`,
    ...(suffix === "" ? [] : [quoted(suffix)]),
  ].join(" then ");
  return `${where}the pattern ${cut(pattern, SHOWN_CHARACTERS)} is dangerous${blame}: a text of ${String(bytes)} bytes exhausts its steps (${example}). Such a line is kept, tagged and given up; use atomic groups or possessive repetitions, or say more exactly what is repeated`;
}

function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return printable(characters.slice(0, most).join("") + (characters.length > most ? "…" : ""));
}

function quoted(text: string): string {
  const characters = Array.from(text);
  const shown = characters.slice(0, SHOWN_OF_EXAMPLE).join("");
  return JSON.stringify(shown) + (characters.length > SHOWN_OF_EXAMPLE ? "…" : "");
}
