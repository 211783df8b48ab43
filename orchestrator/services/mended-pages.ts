import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { GRAPHITE_STATIC } from "./packages.ts";
import { readIfThere, writeWhole } from "./record.ts";

/** What is wrong in the pages of Debian's graphite-web 1.1.8, and how each file is mended. A file without the fault stays as it is. */
export const MENDS: readonly { readonly file: string; readonly mend: (text: string) => string }[] = [
  {
    // Uses htmlEncode, which nothing that the page loads defines.
    file: "js/dashboard.js",
    mend: (text) =>
      /(?:function|var|let|const)\s+htmlEncode\b/.test(text)
        ? text
        : `var htmlEncode = function (input) { return Ext.util.Format.htmlEncode(input); };\n${text}`,
  },
  {
    // Fetches a font from the internet: where there is none the page waits for it, elsewhere it tells who looks.
    file: "js/ace/ace.js",
    mend: (text) => text.replaceAll(/@import url\(\/\/[^)]*\);/g, ""),
  },
];

/** Writes the mended files into a directory that is looked at before the package's own. Done at each start, so that they follow the package. */
export function writeMendedPages(overlayDir: string): void {
  for (const { file, mend } of MENDS) {
    const target = join(overlayDir, file);
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    const mended = mend(readFileSync(join(GRAPHITE_STATIC, file), "utf8"));
    if (readIfThere(target) !== mended) writeWhole(target, mended);
  }
}
