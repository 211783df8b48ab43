import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import type { Config } from "./config-schema.ts";
import { patternProblem } from "./layout.ts";
import { parseRange } from "./node-address.ts";
import { notifyProblems } from "./notify/problems.ts";
import { operatorProblems } from "./services/operator.ts";
import { policyOf } from "./tuning/policy.ts";

/** What a schema of single values cannot say: values that must fit each other. Pure. */
export interface ConfigProblem {
  /** Dotted path of the value to change. */
  readonly path: string;
  /** What is wrong; after a semicolon, what to do. */
  readonly problem: string;
}

const MiB = 2 ** 20;

/** All misfits of a configuration; none when it is sound. */
export function checkConfig(config: Config): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const check = (sound: boolean, path: string, problem: string): void => {
    if (!sound) problems.push({ path, problem });
  };

  config.archive.layout.patterns.forEach((pattern, i) => {
    const problem = patternProblem(pattern.path);
    check(
      problem === undefined,
      `archive.layout.patterns.${i}.path`,
      `${JSON.stringify(pattern.path)} ${problem ?? ""}`,
    );
    check(
      config.archive.year === "file-date" || pattern.path.includes("{month}"),
      `archive.layout.patterns.${i}.path`,
      `${JSON.stringify(pattern.path)} names no month, and archive.year says only the year; add {month}, or set archive.year: file-date`,
    );
  });
  check(
    config.archive.layout.patterns.length > 0,
    "archive.layout.patterns",
    "is empty, so no file would match; add one",
  );

  const { chunkBytes } = config.plan;
  check(
    chunkBytes >= 64 * 1024 && chunkBytes <= 1024 * MiB,
    "plan.chunkBytes",
    `${chunkBytes} bytes; write between 64KiB and 1GiB (8MiB is usual)`,
  );
  check(
    config.staging.limit >= 4 * chunkBytes,
    "staging.limit",
    `${config.staging.limit} bytes do not hold four chunks of ${chunkBytes} bytes; raise it or lower plan.chunkBytes`,
  );
  check(
    config.parsers.bulkBytes >= 64 * 1024 && config.parsers.bulkBytes <= 90 * MiB,
    "parsers.bulkBytes",
    `${config.parsers.bulkBytes} bytes; write between 64KiB and 90MiB (Elasticsearch refuses bodies above 100 MB)`,
  );
  const { tuning } = config;
  for (const name of ["bulkBytes", "requestsInFlight"] as const) {
    const { min, max } = tuning[name];
    check(min <= max, `tuning.${name}.min`, `${min} is above tuning.${name}.max, ${max}; lower it`);
  }
  check(
    tuning.bulkBytes.min >= 64 * 1024 && tuning.bulkBytes.max <= 90 * MiB,
    tuning.bulkBytes.min < 64 * 1024 ? "tuning.bulkBytes.min" : "tuning.bulkBytes.max",
    `is out of what bodies may be; write between 64KiB and 90MiB (Elasticsearch refuses bodies above 100 MB)`,
  );
  const { inFlightBytes } = policyOf(config);
  check(
    inFlightBytes >= tuning.bulkBytes.min * tuning.requestsInFlight.min,
    "tuning.inFlightBytes",
    `${inFlightBytes} bytes do not hold ${tuning.requestsInFlight.min} bodies of ${tuning.bulkBytes.min} bytes; raise it or parsers.memory`,
  );
  check(
    3 * inFlightBytes <= config.parsers.memory,
    "tuning.inFlightBytes",
    `${inFlightBytes} bytes in flight need three times as much memory, and parsers.memory is ${config.parsers.memory} bytes; lower it or raise parsers.memory`,
  );
  check(
    config.dataNodes.heap < config.dataNodes.memory,
    "dataNodes.heap",
    "is not below dataNodes.memory; Elasticsearch needs about as much again outside its heap",
  );
  for (const [path, heap] of [
    ["dataNodes.heap", config.dataNodes.heap],
    ["elasticsearch.masterHeap", config.elasticsearch.masterHeap],
  ] as const) {
    check(heap >= 128 * MiB, path, `${heap} bytes are too few for Elasticsearch; write at least 128MiB`);
  }

  for (const [path, seconds] of [
    ["dataNodes.walltime", config.dataNodes.walltime],
    ["dataNodes.orphanGrace", config.dataNodes.orphanGrace],
    ["parsers.walltime", config.parsers.walltime],
    ["parsers.orphanGrace", config.parsers.orphanGrace],
    ["parsers.lock", config.parsers.lock],
    ["batch.poll", config.batch.poll],
    ["batch.commandTimeout", config.batch.commandTimeout],
    ["batch.bootTimeout", config.batch.bootTimeout],
    ["batch.access.keepAlive", config.batch.access.keepAlive],
    ["batch.access.connectTimeout", config.batch.access.connectTimeout],
    ["batch.quarantine.within", config.batch.quarantine.within],
    ["batch.quarantine.for", config.batch.quarantine.for],
    ["batch.breaker.pause", config.batch.breaker.pause],
    ["batch.breaker.longestPause", config.batch.breaker.longestPause],
    ["metrics.interval", config.metrics.interval],
  ] as const) {
    check(seconds > 0, path, "must be longer than nothing; write for example 30s");
  }
  for (const role of ["dataNodes", "parsers"] as const) {
    check(
      Number.isInteger(config[role].walltime),
      `${role}.walltime`,
      "must be whole seconds; batch systems know no less",
    );
  }

  const { autoscale } = config;
  check(
    autoscale.target.finishBy === undefined || autoscale.target.eventsPerSecond === undefined,
    "autoscale.target",
    "names two targets; take finishBy or eventsPerSecond out",
  );
  for (const role of ["dataNodes", "parsers"] as const) {
    check(autoscale[role].min <= autoscale[role].max, `autoscale.${role}.min`, "is above max; swap them");
  }

  const { replicas } = config.dataNodes;
  check(
    config.dataNodes.lossPatience >= 60,
    "dataNodes.lossPatience",
    "is below a minute; a data node that has lost its master takes documents for up to half of one",
  );
  const scales = autoscale.target.finishBy !== undefined || autoscale.target.eventsPerSecond !== undefined;
  check(
    config.dataNodes.count > replicas,
    "dataNodes.replicas",
    "a copy stands on another data node than the first one; raise dataNodes.count, or write 0",
  );
  check(
    !scales || autoscale.dataNodes.min > replicas,
    "autoscale.dataNodes.min",
    `leaves no node for the copies of dataNodes.replicas; write ${String(replicas + 1)} or more`,
  );

  checkNetwork(config.network, check);
  config.batch.local.nodes.forEach((node, i) => {
    check(
      /^127\.\d+\.\d+\.\d+$/.test(node) && isIP(node) === 4,
      `batch.local.nodes.${i}`,
      `${JSON.stringify(node)} is not a loopback address; write one of 127.0.0.0/8`,
    );
  });
  check(
    new Set(config.batch.local.nodes).size === config.batch.local.nodes.length,
    "batch.local.nodes",
    "names an address twice; take one out",
  );

  problems.push(...operatorProblems(config));
  for (const { path, problem } of accessProblems(config.batch.access)) check(false, path, problem);

  const { tarball } = config.elasticsearch;
  check(
    tarball === undefined || /^[0-9a-f]{128}$/i.test(tarball.sha512),
    "elasticsearch.tarball.sha512",
    "is not a SHA-512; write the 128 hex digits of the published .sha512 file",
  );
  problems.push(...notifyProblems(config));
  return problems;
}

/** A fingerprint as `ssh-keygen -l` prints it. */
const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}=?$/;
/** What ssh(1) takes for a word of its own, or for two, is no name of a host or an account. */
const SSH_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$/;

function accessProblems(access: Config["batch"]["access"]): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const check = (sound: boolean, name: string, problem: string): void => {
    if (!sound) problems.push({ path: `batch.access.${name}`, problem });
  };
  const { kind, host, files, stagingDir } = access;
  check(kind === "local" || host !== undefined, "host", `is missing; kind: ${kind} needs a frontend, name it`);
  check(files === "shared" || kind !== "local", "files", "is sftp, which needs a frontend; set kind, or write shared");
  check(
    files === "shared" || stagingDir !== undefined,
    "stagingDir",
    "is missing; files: sftp needs it, name a directory",
  );
  check(
    stagingDir === undefined || isAbsolute(stagingDir),
    "stagingDir",
    "is a path of the frontend; write an absolute one",
  );
  access.commandDirs.forEach((dir, i) => {
    const sound = isAbsolute(dir) && !dir.includes(":");
    check(sound, `commandDirs.${i}`, `${JSON.stringify(dir)} is no absolute path without a colon; write one`);
  });
  for (const [at, one] of [["", access], ...access.jump.map((jump, i) => [`jump.${i}.`, jump] as const)] as const) {
    for (const name of ["host", "user"] as const) {
      const value = one[name];
      const sound = value === undefined || SSH_NAME.test(value);
      check(
        sound,
        `${at}${name}`,
        `${JSON.stringify(value)} cannot be the name of ${name === "host" ? "a host" : "an account"}; correct it`,
      );
    }
    check(
      one.hostKey === undefined || FINGERPRINT.test(one.hostKey),
      `${at}hostKey`,
      "is not a fingerprint; write SHA256:… as `ssh-keygen -lf` prints it for the server's public key",
    );
    if (kind !== "openssh") continue;
    check(
      one.hostKey === undefined,
      `${at}hostKey`,
      "cannot pin for kind: openssh; take it out and write the key to knownHosts",
    );
    check(
      one.passphraseFile === undefined,
      `${at}passphraseFile`,
      "is not for kind: openssh; take it out and use an agent",
    );
  }
  return problems;
}

function checkNetwork(
  network: Config["network"],
  check: (sound: boolean, path: string, problem: string) => void,
): void {
  const { provider, gatewayAddress, outsideAddress, range, gateway, namespaces } = network;
  check(isIP(gatewayAddress) !== 0, "network.gatewayAddress", "is not an IP address; write one");
  check(
    outsideAddress === undefined || isIP(outsideAddress) !== 0,
    "network.outsideAddress",
    "is not an IP address; write one",
  );
  check(
    range === undefined || parseRange(range) !== undefined,
    "network.range",
    `${JSON.stringify(range)} is not a range of addresses; write for example 10.20.0.0/16`,
  );
  check(
    provider !== "loopback" || gateway.placement === "local",
    "network.gateway.placement",
    "only fits network.provider namespaces or site: with loopback everything runs on this machine; leave it out",
  );
  check(
    gateway.placement !== "namespace" || namespaces.gateway !== undefined,
    "network.namespaces.gateway",
    "is missing, but network.gateway.placement is namespace; name the gateway's namespace",
  );
  check(
    namespaces.gateway === undefined || /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(namespaces.gateway),
    "network.namespaces.gateway",
    `${JSON.stringify(namespaces.gateway)} cannot name a namespace; use letters, digits, ., _ and -`,
  );
  check(
    (gateway.placement === "command") === gateway.command.length > 0,
    "network.gateway.command",
    gateway.placement === "command"
      ? 'is empty, but network.gateway.placement is command; write for example ["ssh", "gw"]'
      : "is only used with network.gateway.placement: command; leave it out, or set the placement",
  );
}
