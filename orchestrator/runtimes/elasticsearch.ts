import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import { distributionModules } from "../../worker/contract/elasticsearch-process.ts";
import type { Config } from "../config-schema.ts";
import type { Log } from "../log.ts";
import type { StatePaths } from "../paths.ts";
import { choiceProblem } from "../profiles.ts";
import { unpackDistribution } from "./distribution.ts";
import { findJava, findNamedJava } from "./java.ts";
import { downloadFromMaven, MAVEN_ARTIFACT, mavenArchivePath } from "./maven.ts";
import { makeTraversableDir } from "./partial-dir.ts";
import { checkTraversable } from "./traverse.ts";
import { withMachineLock } from "./machine-lock.ts";

/** An Elasticsearch that nodes can start: its distribution, which is never written to, and the Java for it. */
export interface ElasticsearchRuntime {
  readonly home: string;
  readonly version: string;
  readonly javaHome: string;
}

/** Where the distribution comes from, in order of preference. */
export type ElasticsearchSource =
  | { readonly kind: "home"; readonly home: string; readonly origin: string }
  | { readonly kind: "tarball"; readonly file: string; readonly sha512: string }
  | { readonly kind: "maven" };

/** The configuration's directory, else `ES_HOME`, else the configuration's tarball, else Maven Central. */
export function elasticsearchSource(config: Pick<Config, "elasticsearch">): ElasticsearchSource {
  const { home, tarball } = config.elasticsearch;
  if (home !== undefined) return { kind: "home", home: resolve(home), origin: "elasticsearch.home" };
  const fromEnvironment = process.env["ES_HOME"];
  if (fromEnvironment !== undefined && fromEnvironment !== "") {
    return { kind: "home", home: resolve(fromEnvironment), origin: "ES_HOME" };
  }
  if (tarball !== undefined) return { kind: "tarball", ...tarball };
  return { kind: "maven" };
}

/**
 * Finds or makes the Elasticsearch runtime. A downloaded one is checked by its digest, kept, and unpacked once below
 * `paths.runtimes`. Safe when several processes do it at once, and when it is killed or the disk is full: the directory appears whole
 * or not at all. Quick (a few file look-ups) when it is there already.
 *
 * @throws ConfigError `ELASTICSEARCH_UNFIT`, `ELASTICSEARCH_DIGEST`, `ELASTICSEARCH_DOWNLOAD`, `ELASTICSEARCH_UNPACK`, `JAVA_MISSING`,
 *   `JAVA_UNFIT`, `NOT_TRAVERSABLE`, each with its remedy; the abort reason when `signal` aborts, with nothing left half done
 */
export async function ensureElasticsearch(
  config: Pick<Config, "elasticsearch">,
  paths: Pick<StatePaths, "runtimes">,
  log: Log,
  signal?: AbortSignal,
): Promise<ElasticsearchRuntime> {
  const source = elasticsearchSource(config);
  // Before the large download: a Java that is named wrongly, or (Maven's distribution brings none) that is not there.
  const known = source.kind === "maven" ? await findJava(config) : await findNamedJava(config);
  const home = source.kind === "home" ? source.home : await provide(source, paths.runtimes, log, signal);
  const version = distributionVersion(home, source.kind === "home" ? source.origin : "the unpacked distribution");
  const java = known ?? (await findJava(config, join(home, "jdk")));
  checkTraversable(join(home, "lib"), config.elasticsearch.runAsUid, "the Elasticsearch distribution");
  checkTraversable(join(java.home, "bin"), config.elasticsearch.runAsUid, "its Java");
  return { home, version, javaHome: java.home };
}

/** Where the runtime of a source is, or will be once it is made. */
export function runtimeHome(source: ElasticsearchSource, runtimes: string): string {
  switch (source.kind) {
    case "home":
      return source.home;
    case "tarball":
      return join(runtimes, `elasticsearch-${versionOfName(source.file)}-${source.sha512.slice(0, 8).toLowerCase()}`);
    case "maven":
      return join(runtimes, `elasticsearch-${MAVEN_ARTIFACT.version}-${MAVEN_ARTIFACT.sha256.slice(0, 8)}`);
  }
}

/**
 * What nodes of the runtime will not do of `elasticsearch.index`, as far as it can be told: of one that is not there yet nothing is.
 * @throws ConfigError `ELASTICSEARCH_UNFIT`
 */
export function refuseChoice(config: Pick<Config, "elasticsearch">, paths: Pick<StatePaths, "runtimes">): void {
  const home = runtimeHome(elasticsearchSource(config), paths.runtimes);
  if (!existsSync(join(home, "modules"))) return;
  const problem = choiceProblem(config.elasticsearch.index, distributionModules(home));
  if (problem !== undefined) throw new ConfigError("ELASTICSEARCH_UNFIT", problem, { context: { home } });
}

async function provide(
  source: Exclude<ElasticsearchSource, { kind: "home" }>,
  runtimes: string,
  log: Log,
  signal: AbortSignal | undefined,
): Promise<string> {
  const home = runtimeHome(source, runtimes);
  if (existsSync(home)) return home;
  makeTraversableDir(runtimes);
  return await withMachineLock(
    `elasticsearch ${home}`,
    async () => {
      if (existsSync(home)) return home;
      if (source.kind === "tarball") {
        const archive = {
          file: resolve(source.file),
          algorithm: "sha512",
          digest: source.sha512.toLowerCase(),
        } as const;
        await unpackDistribution(archive, home, log, signal);
      } else {
        const file = mavenArchivePath(runtimes);
        if (!existsSync(file)) await downloadFromMaven(file, log, signal);
        await unpackDistribution({ file, algorithm: "sha256", digest: MAVEN_ARTIFACT.sha256 }, home, log, signal);
      }
      return home;
    },
    {
      ...(signal && { signal }),
      onWait: () => log.info("another process is making the Elasticsearch runtime: waiting for it"),
    },
  );
}

function versionOfName(file: string): string {
  return /elasticsearch-(\d+\.\d+\.\d+)/.exec(file)?.[1] ?? "tarball";
}

/**
 * The version of a distribution, from the name of its main jar: that needs no Java and no start.
 * @throws ConfigError `ELASTICSEARCH_UNFIT` when the directory holds none, or one of another major version than the client
 */
export function distributionVersion(home: string, origin: string): string {
  const start = join(home, "bin", "elasticsearch");
  const lib = join(home, "lib");
  const jars = existsSync(lib) ? readdirSync(lib) : [];
  const version = jars.map((name) => /^elasticsearch-(\d+\.\d+\.\d+)\.jar$/.exec(name)?.[1]).find(Boolean);
  if (version === undefined || !existsSync(start)) {
    throw new ConfigError(
      "ELASTICSEARCH_UNFIT",
      `${origin} is ${home}, which is no Elasticsearch distribution (no ${version === undefined ? "lib/elasticsearch-<version>.jar" : "bin/elasticsearch"}); ` +
        `name the directory that contains bin, lib and modules`,
      { context: { home } },
    );
  }
  if (!version.startsWith("8.")) {
    throw new ConfigError(
      "ELASTICSEARCH_UNFIT",
      `${origin} is ${home}, which is Elasticsearch ${version}; gridharvest speaks to version 8.19: name one of those`,
      { context: { home, version } },
    );
  }
  if ((statSync(start).mode & 0o111) === 0) {
    throw new ConfigError(
      "ELASTICSEARCH_UNFIT",
      `${start} is not executable; run \`chmod +x ${join(home, "bin")}/*\``,
      { context: { home } },
    );
  }
  return version;
}
