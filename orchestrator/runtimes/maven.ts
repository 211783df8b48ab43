import { dirname, join } from "node:path";
import { readdirSync } from "node:fs";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import { verifyDigest } from "./digest.ts";
import { publish, withPartialDir } from "./partial-dir.ts";
import { findProgram, runTool } from "./run-tool.ts";

/**
 * Elastic's own slim distribution of the server, as it is published for integration tests.
 * @source https://repo1.maven.org/maven2/org/elasticsearch/distribution/integ-test-zip/elasticsearch/
 */
export const MAVEN_ARTIFACT = {
  coordinates: "org.elasticsearch.distribution.integ-test-zip:elasticsearch:8.19.21:zip",
  version: "8.19.21",
  sha256: "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
} as const;

const DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/** Where the downloaded archive is kept, so that a removed runtime is unpacked again without the network. */
export function mavenArchivePath(runtimes: string): string {
  return join(runtimes, `elasticsearch-${MAVEN_ARTIFACT.version}.zip`);
}

/**
 * Has Maven fetch the archive to `file`, through whatever mirror or proxy the user's Maven settings name. Maven's repository
 * and temporary files are in a private directory beside it and are gone afterwards.
 * @throws ConfigError `ELASTICSEARCH_DOWNLOAD` or `ELASTICSEARCH_DIGEST`
 */
export async function downloadFromMaven(file: string, log: Log, signal?: AbortSignal): Promise<void> {
  const mvn = findProgram("mvn");
  if (mvn === undefined) {
    throw new ConfigError(
      "ELASTICSEARCH_DOWNLOAD",
      "no Elasticsearch distribution is configured and there is no `mvn` to fetch one from Maven Central; " +
        "install Maven (Debian: apt-get install --no-install-recommends maven), or set elasticsearch.home, ES_HOME or elasticsearch.tarball",
    );
  }
  log.info("fetching Elasticsearch from Maven Central (about 130 MB)", { artifact: MAVEN_ARTIFACT.coordinates });
  await withPartialDir(dirname(file), async (dir) => {
    const result = await runTool(
      mvn,
      [
        "--batch-mode",
        "--no-transfer-progress",
        `-Dmaven.repo.local=${join(dir, "repository")}`,
        `${DEPENDENCY_PLUGIN}:copy`,
        `-Dartifact=${MAVEN_ARTIFACT.coordinates}`,
        `-DoutputDirectory=${join(dir, "out")}`,
      ],
      {
        cwd: dir,
        env: {
          ...process.env,
          // Nothing of Java's is to stay in /tmp: neither its performance counters nor unpacked native libraries.
          MAVEN_OPTS: `${process.env["MAVEN_OPTS"] ?? ""} -XX:-UsePerfData -Djava.io.tmpdir=${dir}`.trim(),
        },
        ...(signal && { signal }),
      },
    );
    if (result.code !== 0) {
      throw new ConfigError(
        "ELASTICSEARCH_DOWNLOAD",
        `mvn could not fetch ${MAVEN_ARTIFACT.coordinates} (exit ${result.code ?? result.signal ?? "unknown"}): ${errorLines(result.tail)}; ` +
          "see that Maven reaches Maven Central or a mirror (settings.xml) and that the disk is not full, or set elasticsearch.home or elasticsearch.tarball",
      );
    }
    const [name] = readdirSync(join(dir, "out"));
    const fetched = join(dir, "out", name ?? "nothing");
    await verifyDigest(
      { file: fetched, algorithm: "sha256", digest: MAVEN_ARTIFACT.sha256 },
      "fetched from Maven Central",
    );
    publish(fetched, file);
  });
}

/** The lines of Maven's output that say what went wrong. */
function errorLines(text: string): string {
  const errors = text.split("\n").filter((line) => line.startsWith("[ERROR]") && line.length > 12);
  return (errors.length > 0 ? errors.slice(0, 2).join(" ") : text.slice(-500)).trim();
}
