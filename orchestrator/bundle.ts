import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, transform, type BuildFailure, type Plugin } from "esbuild";
import { NO_TEXT } from "../templates/files.ts";
import { ConfigError } from "../worker/contract/errors.ts";
import { createLog, type Log } from "./log.ts";
import { BUNDLE_FILES, type Bundles } from "./runtimes/bundles.ts";
import { withMachineLock } from "./runtimes/machine-lock.ts";
import { packageRoot } from "./runtimes/package-root.ts";
import { withPartialDir } from "./runtimes/partial-dir.ts";

/**
 * Makes the bundles below `dist` with esbuild. Part of a checkout only; `npm run build` and `npm pack` run it as a program.
 */

/** Where each bundle begins. */
export const BUNDLE_ENTRIES: Readonly<Record<keyof Bundles, string>> = {
  cli: "orchestrator/main.ts",
  agent: "worker/agent/main.ts",
  parser: "worker/parser.ts",
  pipelineThread: "worker/pipeline-thread.ts",
  batch: "pbs/local/main.ts",
};

/** Folders whose files decide what is in the bundles. */
const SOURCE_FOLDERS = ["orchestrator", "worker", "pbs", "templates", "monitoring"];
/** Folders whose texts are inlined for `readTemplate`: everything in them that is not a program. */
const TEXT_FOLDERS = ["templates", "pbs/jobs", "monitoring", "worker/grok/banks", "worker/pipeline/defaults"];
const STAMP = ".stamp";

/**
 * Dependencies in CommonJS call `require` for Node's own modules, and some ask where they are. The names are unlikely ones:
 * a bundled module may import `createRequire` itself.
 */
const BANNER = [
  'import { createRequire as __ghCreateRequire } from "node:module";',
  'import { dirname as __ghDirname } from "node:path";',
  "const require = __ghCreateRequire(import.meta.url);",
  "const __filename = import.meta.filename;",
  "const __dirname = __ghDirname(__filename);",
].join("\n");

/**
 * Builds the bundles unless those in `dist` were made from exactly these sources. Safe when several processes do it at
 * once: each file is replaced by a rename, and a program that runs keeps the file it has opened.
 * @returns whether anything was built
 * @throws ConfigError `BUNDLES_BROKEN` with what esbuild found wrong
 */
export async function buildBundles(root: string, log: Log): Promise<boolean> {
  const dist = join(root, "dist");
  if (isCurrent(dist, sourcesHash(root))) return false;
  return await withMachineLock(`bundles ${root}`, async () => {
    const hash = sourcesHash(root);
    if (isCurrent(dist, hash)) return false;
    log.info("building the program bundles", { dir: dist });
    await withPartialDir(dist, async (dir) => {
      const entries = Object.entries(BUNDLE_ENTRIES) as [keyof Bundles, string][];
      await bundleInto(
        dir,
        root,
        entries.map(([name, entry]) => ({ entry, name: BUNDLE_FILES[name].replace(/\.mjs$/, "") })),
      );
      writeFileSync(join(dir, STAMP), `${hash}\n`);
      // The stamp last: whoever is stopped in between leaves bundles that count as stale.
      const made = readdirSync(dir).sort((a, b) => Number(a === STAMP) - Number(b === STAMP));
      for (const name of made) renameSync(join(dir, name), join(dist, name));
    });
    return true;
  });
}

/**
 * Bundles programs, each into `<name>.mjs`, as nodes run them.
 * @param programs `entry` is the path of a source below the root
 * @throws ConfigError `BUNDLES_BROKEN`
 */
export async function bundleInto(
  outdir: string,
  root: string,
  programs: readonly { readonly name: string; readonly entry: string }[],
): Promise<void> {
  try {
    await build({
      absWorkingDir: root,
      entryPoints: programs.map(({ name, entry }) => ({ in: join(root, entry), out: name })),
      outdir,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node24",
      sourcemap: "linked",
      // Names stay, so that a stack trace says the same as in the sources.
      keepNames: false,
      legalComments: "none",
      banner: { js: BANNER },
      external: ["esbuild", "cpu-features", "*/sshcrypto.node"],
      plugins: [
        inlineTexts(root),
        oneMainOnly(
          root,
          programs.map(({ entry }) => join(root, entry)),
        ),
      ],
      logLevel: "silent",
    });
    for (const { name } of programs) await keepInOneByte(join(outdir, `${name}.mjs`));
  } catch (cause) {
    const errors = (cause as Partial<BuildFailure>).errors ?? [];
    const first = errors[0];
    const place = first?.location ? `${first.location.file}:${first.location.line}: ` : "";
    throw new ConfigError(
      "BUNDLES_BROKEN",
      `the bundles could not be built: ${place}${first?.text ?? String(cause)}; see \`npm run check\`, or that the disk is not full`,
      { cause: errors.length > 0 ? undefined : cause },
    );
  }
}

/**
 * V8 keeps a text with a single character beyond Latin-1 in two bytes for each: 5 MB of a parser. esbuild escapes such characters but for those in
 * comments, where they can go; that nothing else is changed shows in the texts without comments.
 */
async function keepInOneByte(file: string): Promise<void> {
  const text = readFileSync(file, "utf8");
  // Code unit by code unit, so that the source map's columns stay.
  const replaced = text.replaceAll(/[^\0-\x7f]/g, "?");
  const [before, after] = await Promise.all(
    [text, replaced].map((code) => transform(code, { minifyWhitespace: true, legalComments: "none" })),
  );
  if (before?.code === after?.code) writeFileSync(file, replaced);
}

/** Replaces the module that reads template files by one that holds them. */
function inlineTexts(root: string): Plugin {
  return {
    name: "inline-texts",
    setup(bundler) {
      bundler.onLoad({ filter: /[/\\]templates[/\\]files\.ts$/ }, () => {
        const texts = Object.fromEntries(textFiles(root).map((name) => [name, readFileSync(join(root, name), "utf8")]));
        return {
          loader: "js",
          resolveDir: join(root, "templates"),
          contents: [
            'import { BackfillError } from "../worker/contract/errors.ts";',
            `const TEXTS = ${JSON.stringify(texts)};`,
            "export function readTemplate(name) {",
            "  if (Object.hasOwn(TEXTS, name)) return TEXTS[name];",
            '  throw new BackfillError("TEMPLATE_MISSING", `template ${name} is not in the bundle`, { context: { template: name } });',
            "}",
            "export function listTemplates(folder) {",
            '  const isIn = (name) => name.startsWith(`${folder}/`) && !name.includes("/", folder.length + 1);',
            "  const names = Object.keys(TEXTS).filter(isIn).sort();",
            "  if (names.length > 0) return names;",
            '  throw new BackfillError("TEMPLATE_MISSING", `there are no texts of ${folder} in the bundle`, { context: { template: folder } });',
            "}",
          ].join("\n"),
        };
      });
    },
  };
}

/**
 * `import.meta.main` is true for every module of a bundle that is run, so a module that is bundled into another
 * program would start its own too. Only the entry keeps it.
 */
function oneMainOnly(root: string, entries: readonly string[]): Plugin {
  return {
    name: "one-main-only",
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (entries.includes(path) || relative(root, path).startsWith("node_modules")) return undefined;
        const text = readFileSync(path, "utf8");
        if (!text.includes("import.meta.main")) return undefined;
        return { loader: "ts", contents: text.replaceAll("import.meta.main", "false") };
      });
    },
  };
}

/** The texts that bundles carry, as paths below the root. */
export function textFiles(root: string): readonly string[] {
  return TEXT_FOLDERS.flatMap((folder) => filesBelow(root, folder)).filter((name) => !NO_TEXT.test(name));
}

/** SHA-256 over everything that decides the result: sources, texts, locked dependencies. */
export function sourcesHash(root: string): string {
  const hash = createHash("sha256");
  const files = ["package.json", "package-lock.json", ...SOURCE_FOLDERS.flatMap((folder) => filesBelow(root, folder))];
  for (const name of files) {
    const bytes = readFileSync(join(root, name));
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}

function filesBelow(root: string, folder: string): string[] {
  const dir = join(root, folder);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

function isCurrent(dist: string, hash: string): boolean {
  const stamp = join(dist, STAMP);
  if (!existsSync(stamp) || readFileSync(stamp, "utf8").trim() !== hash) return false;
  return Object.values(BUNDLE_FILES).every((file) => existsSync(join(dist, file)));
}

if (import.meta.main) await buildBundles(packageRoot(), createLog());
