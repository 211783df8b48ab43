import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { readTemplate } from "../../templates/files.ts";
import { renderTemplate } from "../../templates/render.ts";
import { StoreError } from "../../worker/contract/errors.ts";
import { daemonLog, type RunAs } from "./daemon.ts";
import { writeMendedPages } from "./mended-pages.ts";
import { CARBON_CACHE, DEBIAN_PYTHON, GRAPHITE_STATIC, GUNICORN } from "./packages.ts";
import { SERVICE_HOST } from "./ports.ts";
import { readIfThere, writeWhole } from "./record.ts";

/** Where carbon keeps the series: graphite-web reads them there. */
export function whisperDir(carbonDir: string): string {
  return join(carbonDir, "whisper");
}

/** Writes carbon's configuration. Returns the command line. */
export function writeCarbonFiles(dir: string, linePort: number, queryPort: number): readonly [string, ...string[]] {
  mkdirSync(whisperDir(dir), { recursive: true, mode: 0o700 });
  for (const name of ["storage-schemas.conf", "storage-aggregation.conf"]) {
    writeWhole(join(dir, name), readTemplate(`templates/services/${name}`));
  }
  const values = { dir, whisperDir: whisperDir(dir), linePort, queryPort };
  writeWhole(join(dir, "carbon.conf"), renderTemplate("templates/services/carbon.conf.tmpl", values));
  const pidFile = join(dir, "carbon.pid");
  return [CARBON_CACHE, `--config=${join(dir, "carbon.conf")}`, `--pidfile=${pidFile}`, "--nodaemon", "start"];
}

/** What graphite-web is started with. */
export interface GraphiteWebFiles {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

const WORKERS = 2;

/** Writes graphite-web's settings and the mended files of its pages. */
export function writeGraphiteWebFiles(
  dir: string,
  options: { readonly port: number; readonly queryPort: number; readonly carbonDir: string },
): GraphiteWebFiles {
  const overlayDir = join(dir, "overlay");
  const logDir = join(dir, "log");
  const noDir = join(dir, "none");
  for (const path of [logDir, noDir]) mkdirSync(path, { recursive: true, mode: 0o700 });

  const keyFile = join(dir, "secret-key");
  const secretKey = readIfThere(keyFile)?.trim() ?? randomBytes(48).toString("base64url");
  writeWhole(keyFile, `${secretKey}\n`);

  const values = {
    dir,
    secretKey,
    logDir,
    noDir,
    overlayDir,
    staticDir: GRAPHITE_STATIC,
    indexFile: join(dir, "index"),
    database: join(dir, "graphite.db"),
    whisperDir: whisperDir(options.carbonDir),
    carbonLink: `${SERVICE_HOST}:${String(options.queryPort)}`,
  };
  for (const name of ["gridharvest_local_settings.py", "gridharvest_settings.py"]) {
    writeWhole(join(dir, name), renderTemplate(`templates/services/${name}.tmpl`, values));
  }
  for (const name of ["gridharvest_wsgi.py", "dashboard.conf", "graphTemplates.conf"]) {
    writeWhole(join(dir, name), readTemplate(`templates/services/${name}`));
  }
  writeMendedPages(overlayDir);

  return {
    argv: [
      GUNICORN,
      "--bind",
      `${SERVICE_HOST}:${String(options.port)}`,
      "--workers",
      String(WORKERS),
      "--timeout",
      "60",
      "--graceful-timeout",
      "2",
      "--worker-tmp-dir",
      dir,
      "--chdir",
      dir,
      "gridharvest_wsgi:application",
    ],
    env: {
      PYTHONPATH: dir,
      PYTHONNOUSERSITE: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      DJANGO_SETTINGS_MODULE: "gridharvest_settings",
      GRAPHITE_SETTINGS_MODULE: "gridharvest_local_settings",
    },
  };
}

/**
 * Brings the database of dashboards to the installed version's state; nothing to do costs about a second.
 * @throws StoreError `SERVICE_START_FAILED`
 */
export async function migrateGraphiteWeb(
  dir: string,
  files: GraphiteWebFiles,
  runAs: RunAs | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number | string>();
  let output = "";
  const child = spawn(DEBIAN_PYTHON, ["-m", "django", "migrate", "--run-syncdb", "--noinput"], {
    cwd: dir,
    env: { PATH: "/usr/bin:/bin", LANG: "C.UTF-8", HOME: dir, TMPDIR: dir, ...files.env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal ? { signal } : {}),
    ...(runAs ?? {}),
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-4000);
    });
  }
  child.once("error", reject);
  child.once("close", (code, killed) => resolve(code ?? killed ?? "unknown"));
  const exit = await promise;
  if (exit !== 0) {
    throw new StoreError(
      "SERVICE_START_FAILED",
      `preparing the database of graphite-web in ${dir} failed (exit ${String(exit)}): ${output.trim().slice(-800)}`,
      { context: { service: "graphite-web", log: daemonLog(dir) } },
    );
  }
}

/** Whether a graphite-web answers at the address. */
export async function probeGraphiteWeb(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(`${url}/version`, { signal: AbortSignal.timeout(timeoutMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
