import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { exampleConfig } from "../../../orchestrator/config-example.ts";
import { CONFIG_ENTRIES, CONFIG_FIELDS } from "../../../orchestrator/config-fields.ts";
import { loadConfig, type ConfigOverride, type ResolvedConfig } from "../../../orchestrator/config.ts";
import { ConfigError } from "../../../worker/contract/errors.ts";

let dir = "";
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), "gridharvest-config-"))));
afterEach(() => rm(dir, { recursive: true }));

interface Given {
  readonly env?: Record<string, string>;
  readonly overrides?: Record<string, ConfigOverride>;
}

async function load(yaml: string | undefined, { env = {}, overrides = {} }: Given = {}): Promise<ResolvedConfig> {
  const file = join(dir, "site.yaml");
  if (yaml !== undefined) await writeFile(file, yaml);
  return loadConfig({ ...(yaml === undefined ? {} : { file }), env, overrides, cwd: dir });
}

/** The lines of the refusal, without the directory. */
async function refusal(yaml: string, given: Given = {}): Promise<readonly string[]> {
  try {
    await load(yaml, given);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.replaceAll(`${dir}/`, "").split("\n");
  }
  throw new Error("it was accepted");
}

describe("where values come from", () => {
  it("without a file the embedded defaults hold", async () => {
    const { config, origins, file } = await load(undefined);
    expect(file).toBeUndefined();
    expect(config.archive.root).toBe(join(dir, "archive"));
    expect(config.snapshot.repository).toBe(join(config.stateDir, "snapshots"));
    expect(new Set(origins.values())).toEqual(new Set(["default"]));
  });

  it("a gridharvest.yaml in the current directory is read, and said", async () => {
    await writeFile(join(dir, "gridharvest.yaml"), "parsers: { count: 7 }\n");
    const { config, file } = await load(undefined);
    expect(config.parsers.count).toBe(7);
    expect(file).toBe(join(dir, "gridharvest.yaml"));
  });

  it("file, then environment, then flags", async () => {
    const yaml = "# a comment\nparsers:\n  count: 3\n  slots: 3\n  cpus: 3\nplan:\n  chunkBytes: 4MiB\n";
    const { config, origins } = await load(yaml, {
      env: { GRIDHARVEST_PARSERS_SLOTS: "4", GRIDHARVEST_PARSERS_CPUS: "4" },
      overrides: {
        "parsers.cpus": { flag: "--cpus", value: "5" },
        "dataNodes.count": { flag: "--data-nodes", value: 6 },
      },
    });
    expect(config.parsers).toMatchObject({ count: 3, slots: 4, cpus: 5, unpackSlots: 1 });
    expect(config.dataNodes.count).toBe(6);
    expect(config.plan.chunkBytes).toBe(4 * 2 ** 20);
    expect(origins.get("parsers.count")).toBe(`${join(dir, "site.yaml")}:3`);
    expect(origins.get("parsers.slots")).toBe("environment GRIDHARVEST_PARSERS_SLOTS");
    expect(origins.get("parsers.cpus")).toBe("flag --cpus");
    expect(origins.get("dataNodes.count")).toBe("flag --data-nodes");
    expect(origins.get("parsers.unpackSlots")).toBe("default");
    expect(origins.has("dataNodes.queue")).toBe(false);
  });

  it.each<[string, string, (c: ResolvedConfig["config"]) => unknown, unknown]>([
    ["GRIDHARVEST_STATE_DIR", "/s", (c) => c.stateDir, "/s"],
    ["GRIDHARVEST_PLAN_CHUNK_BYTES", "1048576", (c) => c.plan.chunkBytes, 2 ** 20],
    ["GRIDHARVEST_PLAN_CHUNK_BYTES", "1MiB", (c) => c.plan.chunkBytes, 2 ** 20],
    ["GRIDHARVEST_PARSERS_LOCK", "0.5m", (c) => c.parsers.lock, 30],
    ["GRIDHARVEST_BATCH_LOCAL_NODES", "[127.0.0.9]", (c) => c.batch.local.nodes, ["127.0.0.9"]],
    ["GRIDHARVEST_PARSERS_QUEUE", "12", (c) => c.parsers.queue, "12"],
    ["GRIDHARVEST_DATA_NODES_ORPHAN_GRACE", "2m", (c) => c.dataNodes.orphanGrace, 120],
    ["GRIDHARVEST_LIMITS_BYTES_PER_SECOND", "0", (c) => c.limits.bytesPerSecond, 0],
  ])("%s=%s", async (name, text, get, expected) => {
    expect(get((await load(undefined, { env: { [name]: text } })).config)).toEqual(expected);
  });

  it("every field has a variable of its own", () => {
    expect(new Set(CONFIG_FIELDS.map((field) => field.variable)).size).toBe(CONFIG_FIELDS.length);
  });

  it("a variable with a slip is told, a foreign one is not", async () => {
    const { warnings } = await load(undefined, { env: { GRIDHARVEST_PARSER_COUNT: "2", GRIDHARVEST_FAULTS: "all" } });
    expect(warnings).toEqual([expect.stringContaining("did you mean GRIDHARVEST_PARSERS_COUNT?")]);
  });

  it("a list that is replaced does not keep places of the file", async () => {
    const lines = await refusal("batch:\n  local:\n    nodes: [127.0.0.1, 127.0.0.2]\n", {
      env: { GRIDHARVEST_BATCH_LOCAL_NODES: "[10.0.0.1]" },
    });
    expect(lines).toEqual([
      expect.stringMatching(/^environment GRIDHARVEST_BATCH_LOCAL_NODES: batch.local.nodes.0: .*loopback/),
    ]);
  });
});

describe("relative paths", () => {
  it("of a file start at the file, others at the current directory", async () => {
    await mkdir(join(dir, "etc"));
    const file = join(dir, "etc", "g.yaml");
    await writeFile(file, "archive: { root: ../logs }\nstaging: { dir: stage }\nstateDir: ~/state\n");
    const { config } = await loadConfig({
      file,
      env: { GRIDHARVEST_SNAPSHOT_REPOSITORY: "snaps" },
      overrides: {},
      cwd: dir,
    });
    expect(config.archive.root).toBe(join(dir, "logs"));
    expect(config.staging.dir).toBe(join(dir, "etc", "stage"));
    expect(config.snapshot.repository).toBe(join(dir, "snaps"));
    expect(config.stateDir).toBe(join(homedir(), "state"));
  });

  it("of the items of a list too, each after who gave it", async () => {
    await mkdir(join(dir, "etc"));
    const file = join(dir, "etc", "g.yaml");
    const jump = "jump: [{ host: a, identityFile: key }, { host: b, knownHosts: known }]";
    await writeFile(file, `batch: { access: { kind: ssh, host: c, identityFile: key, ${jump} } }\n`);
    const { access } = (await loadConfig({ file, env: {}, cwd: dir })).config.batch;
    const usual = join(homedir(), ".ssh", "known_hosts");
    expect([access.identityFile, access.knownHosts]).toEqual([join(dir, "etc", "key"), usual]);
    expect(access.jump.map(({ identityFile, knownHosts }) => [identityFile, knownHosts])).toEqual([
      [join(dir, "etc", "key"), usual],
      [undefined, join(dir, "etc", "known")],
    ]);
    const env = { GRIDHARVEST_BATCH_ACCESS_JUMP: "[{ host: a, identityFile: key }]" };
    const given = (await loadConfig({ file, env, cwd: dir })).config.batch.access;
    expect(given.jump.map(({ identityFile }) => identityFile)).toEqual([join(dir, "key")]);
  });

  it("the default archive stands beside the file", async () => {
    await mkdir(join(dir, "etc"));
    await writeFile(join(dir, "etc", "g.yaml"), "");
    const { config } = await loadConfig({ file: "etc/g.yaml", env: {}, cwd: dir });
    expect(config.archive.root).toBe(join(dir, "etc", "archive"));
  });
});

describe("problems", () => {
  it.each<[string, string, RegExp]>([
    [
      "an unknown key, with the nearest",
      "archive:\n  rot: x\n",
      /^site\.yaml:2:3: archive\.rot: unknown key; did you mean root\?$/,
    ],
    ["an unknown key at the top", "parser: {}\n", /^site\.yaml:1:1: parser: unknown key; did you mean parsers\?$/],
    [
      "an unknown key like no other",
      "limits:\n  zzzzzzz: 1\n",
      /known here: eventsPerSecond, bytesPerSecond, window, timeZone, order, weight, site$/,
    ],
    [
      "a key in a list",
      "archive:\n  layout:\n    patterns:\n      - path: '{year}/{month}'\n        kin: per-host\n        kind: per-host\n",
      /^site\.yaml:5:9: archive\.layout\.patterns\.0\.kin: unknown key; did you mean kind\?$/,
    ],
    [
      "a size",
      "plan:\n  chunkBytes: 8MB\n",
      /^site\.yaml:2:3: plan\.chunkBytes: "8MB" is not a size; write for example 8MiB/,
    ],
    ["a duration", "keepFor: soon\n", /^site\.yaml:1:1: keepFor: "soon" is not a duration; write for example 90s/],
    ["a whole number", "parsers:\n  count: 1.5\n", /^site\.yaml:2:3: parsers\.count: 1\.5 is not a whole number/],
    ["a number below the least", "parsers:\n  count: 0\n", /0 is too small; write at least 1/],
    ["a choice", "finish: snap\n", /"snap" is not one of snapshot, keep/],
    [
      "a section that is none",
      "parsers: 3\n",
      /^site\.yaml:1:1: parsers: 3 stands where a section does; write its keys below it: count,/,
    ],
    [
      "a missing value",
      "elasticsearch:\n  tarball:\n    file: x\n",
      /^site\.yaml:2:3: elasticsearch\.tarball\.sha512: is missing; add it/,
    ],
    ["an empty value", "parsers:\n  count:\n", /parsers\.count: has no value; write one/],
    [
      "a time zone",
      "archive:\n  timeZone: Europe/Pragu\n",
      /"Europe\/Pragu" is not a time zone of the IANA database; write/,
    ],
    [
      "the zone of a host",
      "archive:\n  hostZones:\n    - { host: '*.ca', timeZone: America/St_John }\n",
      /^site\.yaml:3:23: archive\.hostZones\.0\.timeZone: .*not a time zone of the IANA database; write/,
    ],
    ["a year", "archive:\n  year: 13\n", /^site\.yaml:2:3: archive\.year: .*1970/],
    [
      "a year that is no number",
      "archive:\n  year: mtime\n",
      /"mtime" is not a year; write file-date, or a year such as 2013/,
    ],
    [
      "a year where paths name no month",
      "archive:\n  year: 2013\n  layout:\n    patterns:\n      - { path: '{service}', kind: per-service }\n",
      /^site\.yaml:5:11: archive\.layout\.patterns\.0\.path: "\{service\}" names no month, and archive\.year says only the year/,
    ],
    ["an encoding", "archive:\n  encoding: latin3000\n", /"latin3000" is not an encoding that is known; write/],
    ["UTF-8 as the other encoding", "archive:\n  encoding: utf8\n", /"utf8" is not a legacy encoding but what is read/],
    ["an encoding that cuts lines", "archive:\n  encoding: utf-16le\n", /"utf-16le" does not leave ASCII as it is/],
    [
      "an index pattern",
      "plan:\n  indexPattern: logs-{day}\n",
      /"logs-\{day\}" must contain \{day\}, \{month\} and \{revision\}/,
    ],
    [
      "a path pattern",
      "archive:\n  layout:\n    patterns:\n      - { path: '{year}/x', kind: per-host }\n",
      /^site\.yaml:4:11: archive\.layout\.patterns\.0\.path: .*does not contain \{month\}/,
    ],
    ["chunks of no bytes", "plan:\n  chunkBytes: 0\n", /between 64KiB and 1GiB/],
    [
      "copies for which there is no second node",
      "dataNodes:\n  count: 1\n  replicas: 1\n",
      /^site\.yaml:3:3: dataNodes\.replicas: a copy stands on another data node than the first one/,
    ],
    [
      "scaling by itself to where copies cannot stand",
      "autoscale:\n  target: { eventsPerSecond: 5 }\n  dataNodes: { min: 1 }\ndataNodes: { replicas: 1 }\n",
      /autoscale\.dataNodes\.min: leaves no node for the copies/,
    ],
    [
      "a loss that is told too early",
      "dataNodes:\n  lossPatience: 10s\n",
      /^site\.yaml:2:3: dataNodes\.lossPatience: is below a minute/,
    ],
    [
      "a heap above the memory",
      "dataNodes:\n  heap: 4GiB\n",
      /^site\.yaml:2:3: dataNodes\.heap: is not below dataNodes\.memory/,
    ],
    ["a staging space too small", "staging:\n  limit: 1MiB\n", /do not hold four chunks/],
    ["a poll of no time", "batch:\n  poll: 0\n", /must be longer than nothing/],
    [
      "a password in an address",
      "services: { redis: { url: 'redis://u:secret@db' } }\n",
      /redis\.url: holds a password; .*passwordFile$/,
    ],
    [
      "a password of nothing",
      "services: { redis: { passwordFile: p } }\n",
      /passwordFile: is there without .*redis\.url;/,
    ],
    [
      "a graphite-web alone",
      "services: { graphite: { web: 'http://g' } }\n",
      /web: is there without .*graphite\.carbon;/,
    ],
    ["an address", "services:\n  redis:\n    url: localhost\n", /services\.redis\.url: is not a Redis address/],
    [
      "a frontend without a name",
      "batch:\n  access:\n    kind: ssh\n",
      /^site\.yaml:2:3: batch\.access\.host: is missing/,
    ],
    ["a host that ssh takes for an option", access("host: -oProxyCommand=x"), /cannot be the name of a host/],
    ["a fingerprint of another kind", access("hostKey: MD5:aa"), /batch\.access\.hostKey: is not a fingerprint/],
    ["a jump host's account", access("jump: [{ host: j, user: 'a b' }]"), /jump\.0\.user: "a b" cannot be the name/],
    ["a gateway without an address", network("gatewayAddress: gw"), /gatewayAddress: is not an IP address/],
    ["an outside without an address", network("outsideAddress: gw"), /outsideAddress: is not an IP address/],
    ["a range that is none", network("range: 10.0.0.0"), /network\.range: "10\.0\.0\.0" is not a range of addresses/],
    [
      "a gateway elsewhere on loopback",
      "network: { gateway: { placement: command, command: [ssh, gw] } }\n",
      /gateway\.placement: only fits network\.provider namespaces or site/,
    ],
    [
      "a namespace without a name",
      network("gateway: { placement: namespace }"),
      /network\.namespaces\.gateway: is missing/,
    ],
    [
      "a namespace that is a path",
      network("namespaces: { gateway: ../gw }"),
      /namespaces\.gateway: "\.\.\/gw" cannot name a namespace/,
    ],
    ["a command of no words", network("gateway: { placement: command }"), /gateway\.command: is empty/],
    ["a command for nothing", network("gateway: { command: [ssh, gw] }"), /gateway\.command: is only used with/],
    ["files that go nowhere", access("files: sftp"), /batch\.access\.stagingDir: is missing/],
    ["a relative staging directory", access("stagingDir: x"), /write an absolute one/],
    [
      "a directory of commands that is two",
      access("commandDirs: ['/a:/b']"),
      /commandDirs\.0: "\/a:\/b" is no absolute/,
    ],
    [
      "a fingerprint for ssh(1)",
      access(`hostKey: SHA256:${"A".repeat(43)}`, "openssh"),
      /cannot pin for kind: openssh/,
    ],
    ["bad YAML", "a: [\nb: 1\n", /^site\.yaml:2:1: .*; correct the YAML$/],
    [
      "an alias of nothing",
      "finish: keep\narchive: { root: *nowhere }\n",
      /^site\.yaml:2:18: Unresolved alias .*nowhere; correct the YAML$/,
    ],
    ["a key twice", "finish: keep\nfinish: keep\n", /^site\.yaml:2:1: Map keys must be unique; correct the YAML$/],
    ["no keys at all", "- 1\n", /^site\.yaml:1:1: the file holds no keys/],
  ])("%s", async (_, yaml, line) => {
    expect(await refusal(yaml)).toEqual([expect.stringMatching(line)]);
  });

  it("are told all at once, whatever they come from", async () => {
    const lines = await refusal("parsers:\n  count: x\nfoo: 1\n", {
      env: { GRIDHARVEST_DATA_NODES_COUNT: "many" },
      overrides: { "plan.nothing": { flag: "--set", value: "1" }, "plan.revision": { flag: "--set", value: "a" } },
    });
    expect(lines.map((line) => line.split(": ", 2).join(": ")).sort()).toEqual(
      [
        "environment GRIDHARVEST_DATA_NODES_COUNT: dataNodes.count",
        "flag --set: plan.nothing",
        "flag --set: plan.revision",
        "site.yaml:2:3: parsers.count",
        "site.yaml:3:1: foo",
      ].map((line) => line.split(": ", 2).join(": ")),
    );
  });

  it("a file that is not there, with the way to write one", async () => {
    const missing = loadConfig({ file: "nothing.yaml", env: {}, cwd: dir });
    await expect(missing).rejects.toMatchObject({ code: "CONFIG_UNREADABLE" });
    await expect(missing).rejects.toThrow(/nothing\.yaml cannot be read.*config --example/);
  });

  it.each(["", "# only a comment\n", "archive:\n  # nothing here yet\nparsers:\n"])(
    "%j is an empty configuration",
    async (yaml) => {
      expect((await load(yaml)).config.parsers.count).toBe(2);
    },
  );

  it("nobody's prototype is touched", async () => {
    expect(await refusal("__proto__:\n  polluted: 1\n")).toHaveLength(1);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("the example", () => {
  it("parses to the defaults", async () => {
    const { config, origins } = await load(exampleConfig());
    expect(config).toEqual((await load("")).config);
    const written = CONFIG_FIELDS.filter((field) => field.defaultValue !== undefined);
    for (const { path } of written) expect(origins.get(path), path).toMatch(/site\.yaml:\d+$/);
  });

  it("says unit, default and variable of every field", () => {
    const text = exampleConfig().replaceAll(/\n\s*# /g, " ");
    for (const field of CONFIG_FIELDS) {
      expect(field.description, field.path).not.toBe("");
      const at = text.indexOf(`[${field.variable}]`);
      expect(at, field.path).toBeGreaterThan(0);
      expect(text.slice(0, at), field.path).toMatch(/Unit: [^[]*Default: [^[]*$/);
    }
    for (const entry of CONFIG_ENTRIES) expect(entry.description, entry.path).not.toBe("");
  });

  it("has lines of at most 120 characters", () => {
    expect(
      exampleConfig()
        .split("\n")
        .filter((line) => line.length > 120),
    ).toEqual([]);
  });

  it("shows fields without a default as comments that can be taken in", () => {
    const uncommented = exampleConfig().replaceAll(/^(\s*)# (tarball:|file: .*|sha512: .*)$/gm, "$1$2");
    const { elasticsearch } = parse(uncommented) as { elasticsearch: { tarball?: object } };
    expect(Object.keys(elasticsearch.tarball ?? {})).toEqual(["file", "sha512"]);
  });
});

/** A frontend, with one line more. */
function access(line: string, kind = "ssh"): string {
  const host = line.startsWith("host:") ? "" : "    host: frontend\n";
  return `batch:\n  access:\n    kind: ${kind}\n${host}    ${line}\n`;
}

function network(line: string): string {
  return `network:\n  provider: site\n  ${line}\n`;
}

describe("pipelines of the operator's own", () => {
  it("are files beside the configuration, or stand in it; names may have dots", async () => {
    const { config, placeOf } = await load(
      [
        "pipelines:",
        "  patterns: [patterns, /abs]",
        "  databases: { city: data/city.mmdb }",
        "  services:",
        "    mail.log: mail.yaml",
        "    gate:",
        "      name: gate # ours",
        "      filters: []",
        "    flow: { name: flow, filters: [] }",
        "",
      ].join("\n"),
    );
    const file = join(dir, "site.yaml");
    expect(config.pipelines).toMatchObject({
      patterns: [join(dir, "patterns"), "/abs"],
      databases: { city: join(dir, "data/city.mmdb") },
      bank: "legacy",
      services: {
        "mail.log": join(dir, "mail.yaml"),
        gate: { file, line: 7, column: 7 },
        flow: { text: `${" ".repeat(10)}{ name: flow, filters: [] }`, file, line: 9, column: 11 },
      },
    });
    expect(parse((config.pipelines.services["gate"] as { text: string }).text)).toEqual({ name: "gate", filters: [] });
    expect(placeOf(["pipelines", "services", "mail.log"])).toBe(`${file}:5:5`);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ["  services: { gate: 7 }", /^site\.yaml:2:15: pipelines\.services\.gate: is no pipeline; name its YAML file/],
    [
      "  definitions: { a-b: x }",
      /^site\.yaml:2:18: pipelines\.definitions\.a-b: "a-b" is not a name of a pattern; write/,
    ],
    ["  bank: ecs", /^site\.yaml:2:3: pipelines\.bank: "ecs" is not one of legacy, ecs-v1/],
    ["  pattern: []", /^site\.yaml:2:3: pipelines\.pattern: unknown key; did you mean patterns\?/],
  ];
  it.each(wrong)("%s is refused", async (line, expected) => {
    expect(await refusal(`pipelines:\n${line}\n`)).toEqual([expect.stringMatching(expected)]);
  });
});
