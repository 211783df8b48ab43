import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { manifestText, readManifest, type Manifest } from "../../../../orchestrator/proof/manifest.ts";
import type { PlannedFile } from "../../../../orchestrator/plan.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../../worker/contract/ledger.ts";

const STRANGER = new URL("../../../support/recompute-manifest.py", import.meta.url).pathname;
const CHUNK_BYTES = 100;

/** Files by path: whose names an order by code units and one by bytes put differently, an empty one, one without a last line end. */
const FILES: Readonly<Record<string, string>> = {
  "hosts/2013/01/a": Array.from({ length: 40 }, (_, n) => `Jan  1 00:00:00 h p: line ${String(n)}\n`).join(""),
  "hosts/2013/01/\u{1f600}": "one line\n",
  "hosts/2013/01/\uff01": `${"x".repeat(450)}\na line that is longer than chunks\nno end`,
  "hosts/2013/02/empty": "",
};

const idOf = (path: string): string => createHash("sha256").update(path).digest("hex").slice(0, 12);

function rowsOf(path: string, text: string, written = (read: number) => read): LedgerRow[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, n) => {
    // The rule in the plainest form: a line is its chunk's in which its first byte lies.
    let at = 0;
    const owned = text.split(/(?<=\n)/).flatMap((line) => {
      const first = at;
      at += Buffer.byteLength(line);
      return Math.floor(first / CHUNK_BYTES) === n ? [[first, at] as const] : [];
    });
    const covered = [owned[0]?.[0] ?? n * CHUNK_BYTES, owned.at(-1)?.[1] ?? n * CHUNK_BYTES] as const;
    const read = owned.length;
    return {
      chunk: `${idOf(path)}-${String(n)}`,
      fileId: idOf(path),
      covered,
      sha256: createHash("sha256")
        .update(bytes.subarray(...covered))
        .digest("hex"),
      counts: { ...ZERO_COUNTS, read, written: written(read), duplicate: read - written(read) },
    } as LedgerRow;
  });
}

const plan = {
  id: "0123456789ab",
  files: Object.keys(FILES).map(
    (path) => ({ origin: { fileId: idOf(path), path, month: path.slice(6, 13).replace("/", "-") } }) as PlannedFile,
  ),
};
const lengths = new Map(Object.entries(FILES).map(([path, text]) => [idOf(path), Buffer.byteLength(text)]));
const rows = Object.entries(FILES).flatMap(([path, text]) => rowsOf(path, text));
/** As it is read, beside its text. */
const make = (...inputs: Parameters<typeof manifestText>): Manifest & { text: string } => {
  const text = [...manifestText(...inputs)].join("");
  return { ...(JSON.parse(text) as Manifest), text };
};
const { text: manifestFile, ...manifest } = make("c", plan, rows, lengths);

describe("a manifest", () => {
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-manifest-"));
  afterAll(() => rmSync(dir, { recursive: true }));
  const write = (name: string, content: string | Uint8Array): string => {
    const file = join(dir, name);
    writeFileSync(file, content);
    return file;
  };

  it("is what a short script outside of the product makes of the raw files", async () => {
    const file = write("manifest.json", manifestFile);
    const raw = Object.entries(FILES).map(([path, text], i) => `${path}=${write(`raw-${String(i)}`, text)}`);
    const said = execFileSync("python3", ["-B", STRANGER, file, String(CHUNK_BYTES), ...raw], { encoding: "utf8" });
    expect(JSON.parse(said)).toEqual({
      roots: Object.fromEntries(Object.entries(manifest.months).map(([month, { root }]) => [month, root])),
      differences: [],
    });
    expect(await readManifest(file)).toEqual(manifest);
  });

  it("is not what the script makes of other bytes, other counts, another order", () => {
    const file = write("manifest.json", manifestFile);
    const raw = Object.entries(FILES).map(([path, text], i) => {
      const changed = path.endsWith("a") ? text.replace("line 17", "line 71") : text;
      return `${path}=${write(`raw-${String(i)}`, changed)}`;
    });
    const said = execFileSync("python3", ["-B", STRANGER, file, String(CHUNK_BYTES), ...raw], { encoding: "utf8" });
    const { roots, differences } = JSON.parse(said) as { roots: Record<string, string>; differences: string[] };
    expect(differences).toEqual([expect.stringMatching(/^hosts\/2013\/01\/a: chunk 4: sha256/)]);
    expect(roots["2013-01"]).not.toBe(manifest.months["2013-01"]?.root);
    expect(roots["2013-02"]).toBe(manifest.months["2013-02"]?.root);
  });

  it("does not depend on attempts, nor on the order in which chunks were committed", () => {
    const again = Object.entries(FILES).flatMap(([path, text]) => rowsOf(path, text, (read) => read >> 1));
    const others = { ...plan, files: plan.files.toReversed() };
    expect(make("c", others, again.toReversed(), lengths)).toEqual({ ...manifest, text: manifestFile });
  });

  it("has another root for another count", () => {
    const fewer = rows.map((row, i) =>
      i === 3 ? { ...row, counts: { ...row.counts, written: row.counts.written - 1, dropped: 1 } } : row,
    );
    expect(make("c", plan, fewer, lengths).months["2013-01"]).not.toEqual(manifest.months["2013-01"]);
  });

  it("says no length of a file that was not loaded whole, and has another root", () => {
    const partly = make("c", plan, rows, new Map([...lengths].slice(1)));
    expect(partly.files.find(({ path }) => path.endsWith("a"))).not.toHaveProperty("length");
    expect(partly.months["2013-01"]).not.toEqual(manifest.months["2013-01"]);
  });

  it("is refused by name when it is damaged, and absent of campaigns that made none", async () => {
    await expect(readManifest(write("cut.json", manifestFile.slice(0, -20)))).rejects.toMatchObject({
      code: "MANIFEST_DAMAGED",
      message: expect.stringContaining(join(dir, "cut.json")) as string,
    });
    const { tree: _, ...rest }: Manifest = manifest;
    await expect(readManifest(write("old.json", JSON.stringify(rest)))).rejects.toMatchObject({
      code: "MANIFEST_DAMAGED",
    });
    expect(await readManifest(join(dir, "none.json"))).toBeUndefined();
  });
});
