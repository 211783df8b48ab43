import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ensureArchive } from "../../../../orchestrator/demo/archive.ts";
import { findSevenZip } from "../../../../orchestrator/sample/seven-zip.ts";

const root = mkdtempSync(join(tmpdir(), "gridharvest-test-demo-archive-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let hasSevenZip = true;
try {
  findSevenZip();
} catch {
  hasSevenZip = false;
}

describe.skipIf(!hasSevenZip)("ensureArchive", () => {
  it("makes the archive once, again when the options or its files have changed, and sweeps half-made ones", async () => {
    const dir = join(root, "archive");
    mkdirSync(join(root, ".archive.partial-1234"));
    const options = { month: "2013-01", lines: 500, hosts: 3, dir };
    const first = await ensureArchive(options);
    expect(first.reused).toBe(false);
    expect(readdirSync(root)).toEqual(["archive"]);
    const madeAt = statSync(join(dir, "manifest.json")).ino;

    const second = await ensureArchive(options);
    expect(second).toEqual({ manifest: first.manifest, reused: true });
    expect(statSync(join(dir, "manifest.json")).ino).toBe(madeAt);

    expect(await ensureArchive({ ...options, lines: 501 })).toMatchObject({ reused: false, manifest: { lines: 501 } });
    const file = (await ensureArchive(options)).manifest.files[0]!.path;
    appendFileSync(join(dir, file), "x");
    expect((await ensureArchive(options)).reused).toBe(false);
    rmSync(join(dir, file));
    expect((await ensureArchive(options)).reused).toBe(false);
    expect((await ensureArchive(options)).reused).toBe(true);
  });
});
