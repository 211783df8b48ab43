import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { configSchema } from "../../../../orchestrator/config-schema.ts";
import {
  distributionVersion,
  elasticsearchSource,
  refuseChoice,
  runtimeHome,
} from "../../../../orchestrator/runtimes/elasticsearch.ts";
import { firstUntraversable } from "../../../../orchestrator/runtimes/traverse.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridharvest-es-"));
  chmodSync(dir, 0o755);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

describe("elasticsearchSource", () => {
  const tarball = { file: "/srv/elasticsearch-8.19.3-linux-x86_64.tar.gz", sha512: "AB12cd34ef" };

  it("prefers the configured directory, then ES_HOME, then the tarball, then Maven Central", () => {
    const all = configSchema.parse({ elasticsearch: { home: "/opt/es", tarball } });
    const withTarball = configSchema.parse({ elasticsearch: { tarball } });
    vi.stubEnv("ES_HOME", "/opt/env");
    expect(elasticsearchSource(all)).toMatchObject({ kind: "home", home: "/opt/es", origin: "elasticsearch.home" });
    expect(elasticsearchSource(withTarball)).toMatchObject({ kind: "home", home: "/opt/env", origin: "ES_HOME" });
    vi.stubEnv("ES_HOME", "");
    expect(elasticsearchSource(withTarball)).toEqual({ kind: "tarball", ...tarball });
    expect(elasticsearchSource(configSchema.parse({}))).toEqual({ kind: "maven" });
  });

  it("names a runtime by version and digest", () => {
    expect(runtimeHome({ kind: "tarball", ...tarball }, "/r")).toBe("/r/elasticsearch-8.19.3-ab12cd34");
    expect(runtimeHome({ kind: "maven" }, "/r")).toBe("/r/elasticsearch-8.19.21-215d5f3d");
  });
});

it("a choice that needs a licence is refused where the runtime would ask for it", () => {
  const config = configSchema.parse({ elasticsearch: { home: dir, index: { source: "synthetic" } } });
  const paths = { runtimes: "/r" };
  // Not there yet: nothing can be told.
  refuseChoice(config, paths);
  mkdirSync(join(dir, "modules", "x-pack-core"), { recursive: true });
  refuseChoice(config, paths);
  mkdirSync(join(dir, "modules", "x-pack-logsdb"));
  expect(() => refuseChoice(config, paths)).toThrow(/elasticsearch\.index\.source is synthetic/);
  refuseChoice(configSchema.parse({ elasticsearch: { home: dir, index: { mode: "logsdb" } } }), paths);
});

describe("distributionVersion", () => {
  function distribution(version: string, mode = 0o755): string {
    for (const sub of ["bin", "lib"]) mkdirSync(join(dir, sub), { recursive: true });
    writeFileSync(join(dir, "bin", "elasticsearch"), "", { mode });
    writeFileSync(join(dir, "lib", `elasticsearch-core-${version}.jar`), "");
    writeFileSync(join(dir, "lib", `elasticsearch-${version}.jar`), "");
    return dir;
  }

  it("reads it from the main jar's name", () =>
    expect(distributionVersion(distribution("8.19.21"), "x")).toBe("8.19.21"));
  it("refuses another directory", () => {
    expect(() => distributionVersion(dir, "ES_HOME")).toThrow(/^ES_HOME is .* no Elasticsearch distribution \(no lib/);
  });
  it("refuses another major version", () => {
    expect(() => distributionVersion(distribution("9.5.3"), "ES_HOME")).toThrow(/is Elasticsearch 9\.5\.3/);
  });
  it("refuses programs that cannot be run", () => {
    expect(() => distributionVersion(distribution("8.19.21", 0o644), "x")).toThrow(/is not executable; run `chmod/);
  });
});

describe("firstUntraversable", () => {
  it("names the first closed directory, looking at one class of permissions only", () => {
    const inner = join(dir, "closed", "open");
    mkdirSync(inner, { recursive: true });
    chmodSync(join(dir, "closed"), 0o700);
    expect(firstUntraversable(inner, 54321, 54321)).toBe(join(dir, "closed"));
    expect(firstUntraversable(inner, process.getuid?.() ?? 0, 54321)).toBeUndefined();
    chmodSync(join(dir, "closed"), 0o701);
    expect(firstUntraversable(inner, 54321, 54321)).toBeUndefined();
    expect(firstUntraversable(inner, 54321, process.getgid?.() ?? 0)).toBe(join(dir, "closed"));
  });
});
