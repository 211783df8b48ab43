import type { Stanza } from "./stanza.ts";

/**
 * Reads the JSON of OpenPBS's `-F json`.
 *
 * It writes texts that look like numbers as numbers (a job named `12`, a variable `SECS=90`), so every value is
 * taken back to text. What it prints can be no JSON at all, e.g. for a variable whose value is `007`.
 * @param list `Jobs` or `nodes`; it is missing when there are none
 * @returns undefined when it is no such JSON
 */
export function parseQstatJson(text: string, list: string): Stanza[] | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(data) || !Object.hasOwn(data, "pbs_server")) return undefined;
  const items = data[list] ?? {};
  if (!isRecord(items)) return undefined;
  return Object.entries(items).map(([id, item]) => {
    const attributes = new Map<string, string>();
    for (const [name, value] of Object.entries(isRecord(item) ? item : {})) {
      if (isRecord(value))
        for (const [member, inner] of Object.entries(value)) set(attributes, `${name}.${member}`, inner);
      else set(attributes, name, value);
    }
    return { id, attributes };
  });
}

function set(attributes: Map<string, string>, name: string, value: unknown): void {
  attributes.set(
    name,
    typeof value === "string" ? value : Array.isArray(value) ? value.join(",") : JSON.stringify(value),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
