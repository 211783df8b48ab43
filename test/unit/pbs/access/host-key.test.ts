import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findProgram } from "../../../../orchestrator/runtimes/run-tool.ts";
import { fingerprintOf, judgeHostKey, keyTypeOf, knownKeyTypes } from "../../../../pbs/access/host-key.ts";

/** A key as a server sends it: the length of the type, the type, and something that makes it this one. */
function key(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(body)]);
}
const ed = key("ssh-ed25519", "one");
const other = key("ssh-ed25519", "two");
const rsa = key("ssh-rsa", "three");
const line = (names: string, of: Buffer): string => `${names} ${keyTypeOf(of)} ${of.toString("base64")}\n`;
const known = (text: string) => ({ kind: "known-hosts", file: "known", text }) as const;
const judge = (text: string, of = ed, host = "Frontend.example", port = 22) =>
  judgeHostKey(known(text), host, port, of).kind;

describe("judgeHostKey", () => {
  it("compares a pinned fingerprint, with or without padding", () => {
    const fingerprint = fingerprintOf(ed);
    for (const written of [fingerprint, `${fingerprint}=`]) {
      expect(judgeHostKey({ kind: "fingerprint", fingerprint: written }, "h", 22, ed)).toEqual({ kind: "trusted" });
    }
    expect(judgeHostKey({ kind: "fingerprint", fingerprint }, "h", 22, other)).toEqual({
      kind: "changed",
      expected: [fingerprint],
    });
  });

  it.each([
    ["frontend.example", "trusted"],
    ["a,frontend.example,b", "trusted"],
    ["*.example", "trusted"],
    ["f?ontend.example", "trusted"],
    ["*.example,!frontend.example", "unknown"],
    ["frontend", "unknown"],
    ["[frontend.example]:2222", "unknown"],
    ["frontendXexample", "unknown"],
    ["# frontend.example", "unknown"],
    ["@cert-authority *", "unknown"],
    ["@revoked *", "revoked"],
  ])("the entry of %s makes it %s", (names, verdict) => {
    expect(judge(`\n# mine\n${line(names, ed)}`)).toBe(verdict);
  });

  it("knows a port that is not ssh's own", () => {
    const text = line("[frontend.example]:2222", ed);
    expect(judge(text, ed, "frontend.example", 2222)).toBe("trusted");
    expect(judge(text, ed, "frontend.example", 22)).toBe("unknown");
  });

  it("is changed when the file has other keys for the host, and trusted when one of them is the right one", () => {
    expect(judge(line("frontend.example", other))).toBe("changed");
    expect(judge(line("frontend.example", other) + line("frontend.example", ed))).toBe("trusted");
    expect(judge(line("frontend.example", ed) + line("@revoked frontend.example", ed))).toBe("revoked");
  });

  it("passes over lines that are no entries", () => {
    expect(judge(`frontend.example ssh-ed25519\nfrontend.example ssh-rsa ${ed.toString("base64")}\nnonsense\n`)).toBe(
      "unknown",
    );
  });

  it("names the types that the file knows", () => {
    expect(knownKeyTypes(line("a", rsa) + line("b", ed) + line("a,b", rsa), "a", 22)).toEqual(["ssh-rsa"]);
  });

  it.skipIf(!findProgram("ssh-keygen"))("reads what ssh-keygen hashes, and agrees with it on fingerprints", () => {
    const dir = mkdtempSync(join(tmpdir(), "gridharvest-known-"));
    try {
      const file = join(dir, "known_hosts");
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(dir, "key")]);
      const [, base64 = ""] = readFileSync(join(dir, "key.pub"), "utf8").split(" ");
      const real = Buffer.from(base64, "base64");
      writeFileSync(file, line("frontend.example", real) + line("[other.example]:2222", real));
      execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
      const text = readFileSync(file, "utf8");
      expect(text).toContain("|1|");
      expect(judge(text, real)).toBe("trusted");
      expect(judge(text, real, "other.example", 2222)).toBe("trusted");
      expect(judge(text, real, "third.example")).toBe("unknown");
      expect(execFileSync("ssh-keygen", ["-lf", join(dir, "key.pub")], { encoding: "utf8" })).toContain(
        fingerprintOf(real),
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
