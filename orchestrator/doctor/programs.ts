import { createConnection } from "node:net";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SEVEN_ZIP_PROGRAMS } from "../../worker/contract/archive-format.ts";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { gatewayPrefix } from "../gateway/index.ts";
import { distributionVersion, elasticsearchSource, refuseChoice, runtimeHome } from "../runtimes/elasticsearch.ts";
import { findJava } from "../runtimes/java.ts";
import { mavenArchivePath } from "../runtimes/maven.ts";
import { NODE_MAJOR, nodeBinary } from "../runtimes/node.ts";
import { findProgram, runTool } from "../runtimes/run-tool.ts";
import { operatorServices } from "../services/operator.ts";
import { checkOperatorRedis } from "../services/redis.ts";

/** The programs of others, and the services that the operator runs instead. */
export const programChecks: readonly Check[] = [
  { name: "Node", run: checkNode },
  { name: "Java", run: checkJava },
  { name: "Elasticsearch", run: checkElasticsearch },
  { name: "Redis", run: checkRedis },
  { name: "carbon", run: checkCarbon },
  { name: "graphite-web", run: checkGraphiteWeb },
  { name: "7z", run: checkSevenZip },
];

async function checkSevenZip(): Promise<Finding> {
  const path = SEVEN_ZIP_PROGRAMS.map((name) => findProgram(name)).find((found) => found !== undefined);
  if (path !== undefined) return { level: "ok", text: path };
  return {
    level: "missing",
    text: `none of ${SEVEN_ZIP_PROGRAMS.join(", ")} is on PATH`,
    remedy: "apt-get install --no-install-recommends p7zip-full",
  };
}

/** Its Debian packages are looked at on the gateway host. */
const EMBEDDED: Finding = { level: "ok", text: "the embedded one, on the gateway host" };

async function checkNode({ signal }: DoctorContext): Promise<Finding> {
  const binary = nodeBinary();
  const { code, tail } = await runTool(binary, ["--version"], { signal });
  const major = Number(/^v(\d+)/.exec(tail)?.[1] ?? 0);
  if (code === 0 && major >= NODE_MAJOR) return { level: "ok", text: `${tail}, ${binary}` };
  return {
    level: "missing",
    text: `${binary} says ${tail || "nothing"}, which is not Node ${NODE_MAJOR}`,
    remedy: "install gridharvest with its optional dependencies: npm install --include=optional",
  };
}

async function checkJava({ resolved, paths }: DoctorContext): Promise<Finding> {
  const home = runtimeHome(elasticsearchSource(resolved.config), paths.runtimes);
  const java = await findJava(resolved.config, join(home, "jdk"));
  return { level: "ok", text: `Java ${java.major}, ${java.home} (from ${java.origin})` };
}

async function checkElasticsearch({ resolved, paths }: DoctorContext): Promise<Finding> {
  const source = elasticsearchSource(resolved.config);
  const home = runtimeHome(source, paths.runtimes);
  if (source.kind === "home" || existsSync(home)) {
    refuseChoice(resolved.config, paths);
    return {
      level: "ok",
      text: `${distributionVersion(home, source.kind === "home" ? source.origin : "it")}, ${home}`,
    };
  }
  if (source.kind === "tarball") {
    if (existsSync(source.file)) return { level: "ok", text: `is unpacked from ${source.file} at the first launch` };
    return {
      level: "missing",
      text: `elasticsearch.tarball.file ${source.file} does not exist`,
      remedy: "correct the path, or download the tarball",
    };
  }
  if (existsSync(mavenArchivePath(paths.runtimes))) {
    return { level: "ok", text: `is unpacked from ${mavenArchivePath(paths.runtimes)} at the first launch` };
  }
  const mvn = findProgram("mvn");
  if (mvn !== undefined) return { level: "ok", text: `is fetched from Maven Central by ${mvn} at the first launch` };
  return {
    level: "missing",
    text: "no distribution is configured, and there is no mvn to fetch one from Maven Central",
    remedy:
      "set elasticsearch.home, ES_HOME or elasticsearch.tarball, or: apt-get install --no-install-recommends maven",
  };
}

/** As launch does: what the Redis is set to matters as much as that it answers. */
async function checkRedis({ resolved }: DoctorContext): Promise<Finding> {
  const { redis } = operatorServices(resolved.config);
  if (redis === undefined) return EMBEDDED;
  const where = `${redis.host}:${redis.port}`;
  if (isElsewhere(resolved.config)) return forGatewayHost(where, "services.redis.url");
  const remarks = await checkOperatorRedis(redis);
  if (remarks.length === 0) return { level: "ok", text: `${where} answers (services.redis.url)` };
  return { level: "warning", text: remarks.join("\n") };
}

/** What the gateway host reaches, and perhaps nobody here. */
function isElsewhere(config: DoctorContext["resolved"]["config"]): boolean {
  return gatewayPrefix(config.network).length > 0;
}

function forGatewayHost(where: string, option: string): Finding {
  return { level: "ok", text: `${where} (${option}) is for the gateway host to reach: \`services status\` asks there` };
}

async function checkCarbon(context: DoctorContext): Promise<Finding> {
  const { carbon } = operatorServices(context.resolved.config);
  if (carbon === undefined) return EMBEDDED;
  return await reachable(carbon.host, carbon.port, "services.graphite.carbon", context);
}

async function checkGraphiteWeb(context: DoctorContext): Promise<Finding> {
  const { resolved } = context;
  const { web, carbon } = resolved.config.services.graphite;
  if (web !== undefined) {
    const { hostname, port, protocol } = new URL(web);
    return await reachable(
      hostname,
      Number(port || (protocol === "https:" ? 443 : 80)),
      "services.graphite.web",
      context,
    );
  }
  if (carbon !== undefined) {
    return {
      level: "warning",
      text: "carbon is yours and services.graphite.web is not set: the dashboards are not saved anywhere",
      remedy: "set services.graphite.web",
    };
  }
  return EMBEDDED;
}

/** Whether somebody listens there. Nothing is sent. A campaign goes on without metrics, so more than a warning it is not. */
async function reachable(
  host: string,
  port: number,
  option: string,
  { resolved, signal }: DoctorContext,
): Promise<Finding> {
  if (isElsewhere(resolved.config)) return forGatewayHost(`${host}:${port}`, option);
  // An IPv6 address stands in brackets in a URL.
  const socket = createConnection({ host: host.replace(/^\[|\]$/g, ""), port, signal });
  const problem = await new Promise<string | undefined>((resolve) => {
    socket.once("connect", () => resolve(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.setTimeout(5_000, () => resolve("no answer within 5 s"));
  });
  socket.destroy();
  if (problem === undefined) return { level: "ok", text: `${host}:${port} answers (${option})` };
  return {
    level: "warning",
    text: `${host}:${port} cannot be reached: ${problem}`,
    remedy: `start it, open the way to it, or correct ${option}; without the option the embedded one is used`,
  };
}
