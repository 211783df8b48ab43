import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLog } from "../../../../orchestrator/log.ts";
import { statePaths } from "../../../../orchestrator/paths.ts";
import { ensureGrokBanks } from "../../../../orchestrator/runtimes/grok-banks.ts";

/** A jar of stored files. @source APPNOTE.TXT 4.3 */
function jarOf(files: Readonly<Record<string, string>>): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [path, text] of Object.entries(files)) {
    const name = Buffer.from(path);
    const data = Buffer.from(text);
    // Version, flags, method, time, date, checksum, both sizes, length of the name, of the extra field.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    local.push(Buffer.from("PK\x03\x04", "latin1"), common, name, data);
    central.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, tail, name);
    offset += 30 + name.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

const FILES = {
  "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n",
  "patterns/legacy/linux-syslog": "SYSLOGPROG x\n",
  "patterns/legacy/grok-patterns": "WORD \\w+\n",
  "patterns/ecs-v1/grok-patterns": "WORD \\w+\n",
  "patterns/other/grok-patterns": "WORD never\n",
};

describe("the standard grok banks", () => {
  let dir: string;
  let home: string;
  let jar: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-test-grok-banks-"));
    home = join(dir, "elasticsearch");
    jar = join(home, "lib", "elasticsearch-grok-8.19.21.jar");
    mkdirSync(join(home, "lib"), { recursive: true });
    writeFileSync(jar, jarOf(FILES));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** With what was said meanwhile. */
  async function read(stateDir = join(dir, "state")) {
    const stream = new PassThrough();
    const banks = await ensureGrokBanks(
      { elasticsearch: { home } as never },
      statePaths(stateDir),
      createLog({ stream }),
    );
    return { banks, said: String(stream.read() ?? "") };
  }

  it("come out of Elasticsearch's jar, files by name", async () => {
    const { banks, said } = await read();
    expect(banks).toEqual({
      legacy: [
        { name: "grok-patterns", text: "WORD \\w+\n" },
        { name: "linux-syslog", text: "SYSLOGPROG x\n" },
      ],
      "ecs-v1": [{ name: "grok-patterns", text: "WORD \\w+\n" }],
    });
    expect(said).toBe("");
  });

  it("are kept: later the jar need not be there", async () => {
    const { banks } = await read();
    rmSync(home, { recursive: true });
    expect((await read()).banks).toEqual(banks);
  });

  it("are read again from another jar", async () => {
    await read();
    writeFileSync(jar, jarOf({ ...FILES, "patterns/legacy/grok-patterns": "WORD [a-z]+\n" }));
    expect((await read()).banks.legacy[0]).toEqual({ name: "grok-patterns", text: "WORD [a-z]+\n" });
  });

  it("are read again when what was kept is damaged", async () => {
    const { banks } = await read();
    const { grokBanks } = statePaths(join(dir, "state"));
    writeFileSync(grokBanks, readFileSync(grokBanks).subarray(0, 100));
    expect((await read()).banks).toEqual(banks);
    expect(statSync(grokBanks).size).toBeGreaterThan(100);
  });

  it("are read also where nothing can be kept, and it is said", async () => {
    const file = join(dir, "a-file");
    writeFileSync(file, "");
    const { banks, said } = await read(file);
    expect(banks.legacy).toHaveLength(2);
    expect(said).toContain(`${file}/grok-banks.json cannot be written`);
  });

  it("are missed where there is neither, with how to get them", async () => {
    rmSync(home, { recursive: true });
    const error = {
      code: "GROK_BANK_MISSING",
      message: expect.stringMatching(/ES_HOME.*elasticsearch\.home.*prepare\.ts/) as string,
    };
    await expect(read()).rejects.toMatchObject(error);
  });

  it.each([
    ["no jar at all", () => Buffer.from("no zip, though it is called one")],
    ["a jar that is broken off", () => jarOf(FILES).subarray(0, 200)],
    [
      "a jar with a bad byte",
      () => Buffer.from(jarOf(FILES).toString("latin1").replace("SYSLOGPROG", "SYSLOGPROX"), "latin1"),
    ],
    ["a jar without one of them", () => jarOf({ "patterns/legacy/grok-patterns": "WORD \\w+\n" })],
  ])("are refused of %s, by the jar's name and with the remedy", async (_, content) => {
    writeFileSync(jar, content());
    const message = expect.stringMatching(
      new RegExp(`cannot be read from ${jar}; unpack Elasticsearch again`),
    ) as string;
    await expect(read()).rejects.toMatchObject({
      code: "GROK_BANK_MISSING",
      message,
      cause: expect.any(Error) as Error,
    });
  });
});
