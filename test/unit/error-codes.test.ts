import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const FOLDERS = ["orchestrator", "worker", "templates", "pbs", "monitoring"];

/** Codes that stand in the sources as the first argument of one of our errors or as a `code`; and all quoted words in capitals. */
function codesInSources(): { codes: Set<string>; words: Set<string> } {
  const codes = new Set<string>();
  const words = new Set<string>();
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
      for (const [, code] of text.matchAll(/\b(?:Backfill|Config|Grid|Store|Data)Error\(\s*"([A-Z][A-Z0-9_]+)"/g)) {
        if (code !== undefined) codes.add(code);
      }
      for (const [, code] of text.matchAll(/\bcode: "([A-Z][A-Z0-9]*_[A-Z0-9_]+)"/g)) {
        if (code !== undefined) codes.add(code);
      }
      for (const [, word] of text.matchAll(/"([A-Z][A-Z0-9_]+)"/g)) if (word !== undefined) words.add(word);
    }
  }
  return { codes, words };
}

/** The first cells of the table below "Error codes". Several codes of one meaning share a row. */
function codesInArchitecture(): Set<string> {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const table = text.slice(text.indexOf("## Error codes"));
  const codes = new Set<string>();
  for (const line of table.split("\n")) {
    const cell = /^\|([^|]*)\|/.exec(line)?.[1] ?? "";
    for (const [, code] of cell.matchAll(/`([A-Z][A-Z0-9_]+)`/g)) if (code !== undefined) codes.add(code);
  }
  return codes;
}

describe("error codes", () => {
  const { codes: sources, words } = codesInSources();
  const documented = codesInArchitecture();

  it("finds the codes at all", () => {
    expect(sources.size).toBeGreaterThan(50);
  });

  it("are all explained in ARCHITECTURE.md", () => {
    expect([...sources].filter((code) => !documented.has(code)).sort()).toEqual([]);
  });

  it("are all thrown somewhere", () => {
    expect([...documented].filter((code) => !words.has(code)).sort()).toEqual([]);
  });
});
