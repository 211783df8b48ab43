import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { configSchema } from "../../../../orchestrator/config-schema.ts";
import { findJava, parseJavaMajor } from "../../../../orchestrator/runtimes/java.ts";

describe("parseJavaMajor", () => {
  it.each([
    ['JAVA_VERSION="17.0.21.1"', 17],
    ['IMPLEMENTOR="Debian"\nJAVA_VERSION="25"\n', 25],
    ['JAVA_VERSION="1.8.0_392"', 8],
    ['openjdk version "21.0.4" 2024-07-16', 21],
    ['java version "1.8.0_392"', 8],
    ["nothing of the kind", undefined],
  ])("%j → %j", (text, major) => expect(parseJavaMajor(text)).toBe(major));
});

describe("findJava", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-java-"));
    for (const name of ["ES_JAVA_HOME", "JAVA_HOME"]) vi.stubEnv(name, undefined);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true });
  });

  /** A directory that looks like a Java of this version. */
  function java(name: string, version: string): string {
    const home = join(dir, name);
    mkdirSync(join(home, "bin"), { recursive: true });
    writeFileSync(join(home, "bin", "java"), "", { mode: 0o755 });
    writeFileSync(join(home, "release"), `JAVA_VERSION="${version}"\n`);
    return home;
  }
  const config = (javaHome?: string) =>
    configSchema.parse({ elasticsearch: javaHome === undefined ? {} : { javaHome } });

  it("prefers the configuration to the environment", async () => {
    vi.stubEnv("ES_JAVA_HOME", java("environment", "21.0.1"));
    const home = java("configured", "17.0.1");
    expect(await findJava(config(home))).toEqual({ home, major: 17, origin: "elasticsearch.javaHome" });
  });

  it("refuses a named one that is too old, naming who named it", async () => {
    vi.stubEnv("ES_JAVA_HOME", java("old", "11.0.2"));
    await expect(findJava(config())).rejects.toMatchObject({
      code: "JAVA_UNFIT",
      message: expect.stringMatching(/^ES_JAVA_HOME is .*old, which is Java 11;/) as string,
    });
    await expect(findJava(config(join(dir, "nowhere")))).rejects.toThrow(/no working bin\/java/);
  });

  it("passes over an old JAVA_HOME to the java on PATH", async () => {
    vi.stubEnv("JAVA_HOME", java("old", "1.8.0_392"));
    const home = java("on-path", "17.0.2");
    vi.stubEnv("PATH", join(home, "bin"));
    expect(await findJava(config())).toEqual({ home, major: 17, origin: "PATH" });
  });

  it("takes the distribution's own before the system's", async () => {
    vi.stubEnv("JAVA_HOME", java("system", "17.0.2"));
    const bundled = java("jdk", "24.0.1");
    expect(await findJava(config(), bundled)).toMatchObject({ home: bundled, major: 24 });
  });
});
