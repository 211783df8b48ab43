import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../config-schema.ts";
import { ConfigError } from "../../worker/contract/errors.ts";

const run = promisify(execFile);

/** Elasticsearch 8.19 runs on this Java or a newer one. */
export const JAVA_MAJOR = 17;

/** A Java installation: `<home>/bin/java`. */
export interface Java {
  readonly home: string;
  readonly major: number;
  /** Where it was found, in words. */
  readonly origin: string;
}

/**
 * The Java that Elasticsearch runs on: the configuration's, then `ES_JAVA_HOME`, then that which the distribution
 * brings along, then the first one new enough of `JAVA_HOME`, the `java` on PATH, and the system's directory of Javas.
 * The first two are somebody's decision: when they do not fit that is an error, not a reason to look on.
 * @param bundled home of a distribution's own Java, if it has one
 * @throws ConfigError `JAVA_MISSING` or `JAVA_UNFIT`, with the remedy
 */
export async function findJava(config: Pick<Config, "elasticsearch">, bundled?: string): Promise<Java> {
  const named = await findNamedJava(config);
  if (named) return named;
  for (const [home, origin] of candidates(bundled)) {
    const major = await javaMajor(home);
    if (major !== undefined && major >= JAVA_MAJOR) return { home, major, origin };
  }
  throw new ConfigError(
    "JAVA_MISSING",
    `no Java ${JAVA_MAJOR} or newer in JAVA_HOME, on PATH or below ${SYSTEM_JAVAS}; ` +
      `install one (Debian: apt-get install --no-install-recommends openjdk-17-jre-headless) or set elasticsearch.javaHome`,
  );
}

/**
 * The Java that the configuration or `ES_JAVA_HOME` names, undefined when neither does.
 * @throws ConfigError `JAVA_UNFIT`, with the remedy
 */
export async function findNamedJava(config: Pick<Config, "elasticsearch">): Promise<Java | undefined> {
  const decided: readonly (readonly [string | undefined, string])[] = [
    [config.elasticsearch.javaHome, "elasticsearch.javaHome"],
    [process.env["ES_JAVA_HOME"], "ES_JAVA_HOME"],
  ];
  for (const [home, origin] of decided) {
    if (home === undefined || home === "") continue;
    const major = await javaMajor(home);
    if (major !== undefined && major >= JAVA_MAJOR) return { home, major, origin };
    throw new ConfigError(
      "JAVA_UNFIT",
      `${origin} is ${home}, which ${major === undefined ? "has no working bin/java" : `is Java ${major}`}; ` +
        `Elasticsearch needs Java ${JAVA_MAJOR} or newer: name another directory or unset it`,
      { context: { home } },
    );
  }
  return undefined;
}

const SYSTEM_JAVAS = "/usr/lib/jvm";

function* candidates(bundled: string | undefined): Generator<readonly [home: string, origin: string]> {
  if (bundled !== undefined && existsSync(bundled)) yield [bundled, "the Elasticsearch distribution"];
  const javaHome = process.env["JAVA_HOME"];
  if (javaHome !== undefined && javaHome !== "") yield [javaHome, "JAVA_HOME"];
  for (const dir of (process.env["PATH"] ?? "").split(delimiter)) {
    const java = join(dir, "java");
    // `java` on PATH is mostly a link into the installation, whose directory is what the server needs.
    if (dir !== "" && existsSync(java)) yield [dirname(dirname(realpathSync(java))), "PATH"];
  }
  if (existsSync(SYSTEM_JAVAS)) {
    for (const name of readdirSync(SYSTEM_JAVAS).sort()) yield [join(SYSTEM_JAVAS, name), SYSTEM_JAVAS];
  }
}

/** The major version of the Java in a directory; undefined when there is none that works. */
async function javaMajor(home: string): Promise<number | undefined> {
  const java = join(home, "bin", "java");
  if (!existsSync(java)) return undefined;
  try {
    return parseJavaMajor(readFileSync(join(home, "release"), "utf8"));
  } catch {
    // Not every vendor writes the `release` file. Without UsePerfData the probe leaves nothing in /tmp.
    try {
      const { stderr } = await run(java, ["-XX:-UsePerfData", "-version"], { timeout: 20_000 });
      return parseJavaMajor(stderr);
    } catch {
      return undefined;
    }
  }
}

/** `17` out of `JAVA_VERSION="17.0.9"`, `openjdk version "17"` or `java version "1.8.0_392"` (8). */
export function parseJavaMajor(text: string): number | undefined {
  const match = /(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)/.exec(text);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
