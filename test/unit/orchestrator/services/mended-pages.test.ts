import { describe, expect, it } from "vitest";

import { MENDS } from "../../../../orchestrator/services/mended-pages.ts";

function mended(file: string, text: string): string {
  const row = MENDS.find((candidate) => candidate.file === file);
  if (!row) throw new Error(`nothing is mended in ${file}`);
  return row.mend(text);
}

describe("the mended pages of graphite-web", () => {
  it("htmlEncode is defined where it is used without being there", () => {
    const text = "setTitle(htmlEncode(name));\n";
    expect(mended("js/dashboard.js", text)).toMatch(/^var htmlEncode = [^\n]+\nsetTitle/);
  });

  it("and left alone where a later package defines it", () => {
    const text = "function htmlEncode(input) { return input; }\n";
    expect(mended("js/dashboard.js", text)).toBe(text);
  });

  it("no font is fetched from the internet", () => {
    const text = 'define("css",[],"@import url(//fonts.example.org/css?family=Mono);\\n.editor {}")';
    expect(mended("js/ace/ace.js", text)).toBe('define("css",[],"\\n.editor {}")');
  });
});
