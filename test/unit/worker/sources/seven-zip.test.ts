import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { listSevenZip, sevenZip } from "../../../../worker/sources/seven-zip.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-7z-"));
afterAll(() => rmSync(dir, { recursive: true }));
const signal = new AbortController().signal;
const installed = spawnSync("7z", ["i"], { stdio: "ignore" }).error === undefined;

/** Packs the files and returns the archive's path. */
function pack(name: string, files: Readonly<Record<string, string | Buffer>>, ...options: readonly string[]): string {
  const root = join(dir, name);
  mkdirSync(join(root, "an empty directory"), { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  execFileSync("7z", ["a", "-bd", ...options, `${root}.7z`, "."], { cwd: root, stdio: "pipe" });
  return `${root}.7z`;
}

async function read(file: string): Promise<{ content: Record<string, Buffer>; problems: Record<string, string> }> {
  const members = await listSevenZip(file, signal);
  const content: Record<string, Buffer> = {};
  const problems: Record<string, string> = {};
  let current = "";
  for await (const piece of sevenZip.open(file, signal)) {
    if (piece.kind === "member") {
      current = members[piece.index]?.member ?? "?";
      content[current] = Buffer.alloc(0);
    } else if (piece.kind === "bytes") {
      content[current] = Buffer.concat([content[current] ?? Buffer.alloc(0), piece.bytes]);
    } else problems[current] = piece.problem;
  }
  return { content, problems };
}

describe.skipIf(!installed && process.env["CI"] === undefined)("7z source", () => {
  const many = Object.fromEntries(
    Array.from({ length: 120 }, (_, i) => [
      `${["hosts/10.0.0.9", "auth", "ž/x y"][i % 3] ?? ""}/${(i * 37) % 120}.${i % 2 ? "log" : "txt"}`,
      i % 10 === 0 ? "" : `line of ${i}\n`.repeat(i * 50),
    ]),
  );

  it.each([["solid"], ["not solid", "-ms=off"], ["in small blocks", "-ms=7f"]])(
    "gives each of many members its own bytes: %s",
    async (name, ...options) => {
      const file = pack(name, many, ...options);
      const { content, problems } = await read(file);
      expect(problems).toEqual({});
      const text = Object.fromEntries(Object.entries(content).map(([path, bytes]) => [path, bytes.toString()]));
      expect(text).toEqual(many);
    },
  );

  it.each([["one block"], ["a block for each", "-ms=off"]])(
    "reads members of odd names: %s",
    async (name, ...options) => {
      const odd = Object.fromEntries(
        [" lead", "trail ", "st*r", "q?", '"quoted"', "@at", "-dash", "!x", "a = b", "Path = x", "back\\slash"].map(
          (path, i) => [path, `${path} ${i}\n`],
        ),
      );
      const { content } = await read(pack(`odd ${name}`, odd, ...options));
      expect(Object.fromEntries(Object.entries(content).map(([p, b]) => [p, b.toString()]))).toEqual(odd);
    },
  );

  it("charges damage to the member that it hits, and gives no byte to the wrong one", async () => {
    const files = Object.fromEntries(["a", "b", "c"].map((name) => [name, randomBytes(300_000).toString("hex")]));
    const file = pack("damaged", files, "-ms=off");
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 500);
    writeFileSync(file, bytes);
    const { content, problems } = await read(file);
    expect(Object.keys(problems)).toEqual(["b"]);
    expect(content["a"]?.toString()).toBe(files["a"]);
    expect(content["c"]?.toString()).toBe(files["c"]);
    expect(files["b"]?.startsWith(content["b"]?.subarray(0, 1000).toString() ?? "?")).toBe(true);
  });

  it("gives each of two members of one name its own bytes, and no byte to a wrong one behind damage", async () => {
    const file = pack("twice", { a: "first\n", c: "between\n", b: randomBytes(200_000) }, "-ms=off");
    // 7z's own update refuses to add a name again; renaming makes one.
    execFileSync("7z", ["rn", "-bd", file, "b", "a"], { stdio: "pipe" });
    const members = await listSevenZip(file, signal);
    expect(members.map(({ member }) => member).sort()).toEqual(["a", "a", "c"]);
    const lengths = async (): Promise<(readonly [string, number, boolean])[]> => {
      const found: [string, number, boolean][] = [];
      for await (const piece of sevenZip.open(file, signal)) {
        const last = found.at(-1);
        if (piece.kind === "member") found.push([members[piece.index]?.member ?? "?", 0, false]);
        else if (last && piece.kind === "bytes") last[1] += piece.bytes.length;
        else if (last) last[2] = true;
      }
      return found;
    };
    expect(await lengths()).toEqual(members.map(({ member, size }) => [member, size, false]));
    const bytes = readFileSync(file);
    // The first member's bytes, stored as they are, stand right behind the archive's head of 32 bytes.
    bytes.fill(0, 40, 60);
    writeFileSync(file, bytes);
    const damaged = await lengths();
    expect(damaged[0]?.[2]).toBe(true);
    expect(damaged.slice(1)).toEqual(members.slice(1).map(({ member }) => [member, 0, true]));
  });

  it("keeps what was before damage in a solid archive", async () => {
    const files = Object.fromEntries(["a", "b", "c"].map((name) => [name, randomBytes(300_000).toString("hex")]));
    const file = pack("damaged-solid", files);
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.length >> 1, (bytes.length >> 1) + 500);
    writeFileSync(file, bytes);
    const { content, problems } = await read(file);
    expect(Object.keys(problems)).toEqual(["b", "c"]);
    expect(content["a"]?.toString()).toBe(files["a"]);
    expect(content["c"]?.length).toBe(0);
  });

  it("refuses an encrypted archive, whether its listing is encrypted or not, without asking", async () => {
    for (const [name, ...options] of [
      ["enc", "-psecret"],
      ["enc-head", "-psecret", "-mhe=on"],
    ]) {
      const file = pack(name ?? "", { a: "x\n" }, ...options);
      await expect(listSevenZip(file, signal)).rejects.toMatchObject({ code: "ARCHIVE_ENCRYPTED" });
    }
  });

  it("says of a truncated archive that nothing of it can be read", async () => {
    const file = pack("truncated", { a: "x\n".repeat(10_000), b: randomBytes(5000) });
    writeFileSync(file, readFileSync(file).subarray(0, 3000));
    await expect(listSevenZip(file, signal)).rejects.toMatchObject({ code: "ARCHIVE_TRUNCATED" });
  });

  it("lists an archive without members, and names a missing one", async () => {
    expect(await listSevenZip(pack("none", {}), signal)).toEqual([]);
    await expect(listSevenZip(join(dir, "nowhere.7z"), signal)).rejects.toMatchObject({ code: "FILE_MISSING" });
  });

  it("ends the program when it is aborted", async () => {
    const file = pack("abort", { a: randomBytes(3_000_000) });
    const abort = new AbortController();
    const reading = (async () => {
      for await (const piece of sevenZip.open(file, abort.signal)) if (piece.kind === "bytes") abort.abort();
    })();
    await expect(reading).rejects.toThrow(/abort/);
  });
});
