import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { BUNDLE_ENTRIES, bundleInto, sourcesHash, textFiles } from "../../../orchestrator/bundle.ts";
import { packageRoot } from "../../../orchestrator/runtimes/package-root.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gridharvest-bundle-"));
  for (const dir of ["worker/grok/banks/own", "templates/proxy", "pbs/jobs"])
    mkdirSync(join(root, dir), { recursive: true });
  for (const name of ["package.json", "package-lock.json", "worker/a.ts"]) writeFileSync(join(root, name), name);
});
afterEach(() => rmSync(root, { recursive: true }));

it("takes bundles for stale when a source, a template or a dependency changes, and only then", () => {
  const seen = new Set([sourcesHash(root)]);
  const change = (name: string, text: string): void => {
    const { size } = seen;
    writeFileSync(join(root, name), text);
    seen.add(sourcesHash(root));
    expect(seen.size, name).toBe(size + 1);
  };
  change("worker/a.ts", "other");
  change("worker/b.ts", "");
  change("templates/proxy/x.cfg.tmpl", "x");
  change("package-lock.json", "other");

  const before = sourcesHash(root);
  writeFileSync(join(root, "README.md"), "words");
  mkdirSync(join(root, "test"));
  writeFileSync(join(root, "test", "a.test.ts"), "");
  expect(sourcesHash(root)).toBe(before);
});

it("tells a moved byte from a moved file boundary", () => {
  writeFileSync(join(root, "worker/a.ts"), "one");
  writeFileSync(join(root, "worker/b.ts"), "two");
  const before = sourcesHash(root);
  writeFileSync(join(root, "worker/a.ts"), "onet");
  writeFileSync(join(root, "worker/b.ts"), "wo");
  expect(sourcesHash(root)).not.toBe(before);
});

it("carries the texts of the templates' folders, and no program", () => {
  const texts = ["templates/proxy/x.cfg.tmpl", "pbs/jobs/node.pbs.tmpl", "worker/grok/banks/own/sshd"];
  for (const name of [...texts, "templates/render.ts", "pbs/other.txt", "worker/grok/banks/README.md"]) {
    writeFileSync(join(root, name), "");
  }
  expect(textFiles(root)).toEqual(texts);
});

it("names entries that exist", () => {
  for (const entry of Object.values(BUNDLE_ENTRIES)) expect(existsSync(join(packageRoot(), entry)), entry).toBe(true);
});

it("leaves a character of two bytes only where it means something", async () => {
  writeFileSync(join(root, "package.json"), "{}");
  const dist = join(root, "dist");
  const bundled = async (source: string): Promise<string> => {
    writeFileSync(join(root, "worker/a.ts"), source);
    await bundleInto(dist, root, [{ name: "a", entry: "worker/a.ts" }]);
    return readFileSync(join(dist, "a.mjs"), "utf8");
  };
  const words = 'export class A {\n  /** A name, or `…`. */\n  name = "…";\n}\n';
  const inComment = await bundled(words);
  expect(inComment).toContain("/** A name, or `?`. */");
  expect(inComment).not.toMatch(/[^\0-\x7f]/);
  const { A } = (await import(`${pathToFileURL(join(dist, "a.mjs")).href}?1`)) as { A: new () => { name: string } };
  expect(new A().name).toBe("…");
  // What esbuild does not escape stays as it is.
  expect(await bundled(`${words}export const DOTS = /…/;\n`)).toContain("/…/");
});
