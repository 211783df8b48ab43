import { describe, expect, it } from "vitest";
import { compareCounts, compareWithManifest, type Found } from "../../../../orchestrator/demo/comparison.ts";
import type { Manifest } from "../../../../orchestrator/sample/index.ts";

const MANIFEST: Manifest = {
  version: 1,
  options: { month: "2013-01", lines: 10, seed: 1, hosts: 1, overlap: false, timeZone: "UTC", unterminated: 0 },
  lines: 10,
  bytes: 1000,
  bytesOnDisk: 900,
  files: [{ path: "hosts/a.gz", identity: "hosts/a", lines: 10, bytes: 1000 }],
  days: { "2013-01-01": 9, "2013-01-02": 1, "2013-01-03": 0 },
  programs: { sshd: 7, CRON: 2 },
  withoutProgram: 1,
  ssh: {
    results: { "AUTHN Failed": 3, "AUTHZ Authorized": 1 },
    remotes: { "198.18.0.1": { "AUTHN Failed": 2 }, "198.18.0.2": { "AUTHN Failed": 1 } },
  },
  dirty: { continuation: 0, empty: 1, latin2: 0, nul: 0, crlf: 0, binary: 0, "bad-date": 0, long: 0, unterminated: 0 },
  unparsed: { total: 1, kinds: { empty: 1, nul: 0 } },
  distinctMessages: 10,
};

const FOUND: Found = {
  documents: 10,
  files: { "hosts/a": 10 },
  days: { "2013-01-01": 9, "2013-01-02": 1 },
  programs: { sshd: 7, CRON: 2 },
  withoutProgram: 1,
  unparsed: { empty: 1 },
  results: { "AUTHN Failed": 3, "AUTHZ Authorized": 1 },
  remotes: { "AUTHN Failed 198.18.0.1": 2, "AUTHN Failed 198.18.0.2": 1 },
};

const differences = (found: Found): readonly string[] =>
  compareWithManifest(MANIFEST, found).flatMap((compared) => compared.differences);

describe("compareWithManifest", () => {
  it("finds nothing where all is equal; what is absent counts as 0", () => {
    expect(differences(FOUND)).toEqual([]);
  });

  it.each<[string, Partial<Found>]>([
    ["documents: documents: 10 in the manifest, 9 found", { documents: 9 }],
    ["documents by file: hosts/b: 0 in the manifest, 1 found", { files: { "hosts/a": 10, "hosts/b": 1 } }],
    ["documents by day: 2013-01-02: 1 in the manifest, 0 found", { days: { "2013-01-01": 9 } }],
    ["documents by program: sshd: 7 in the manifest, 8 found", { programs: { sshd: 8, CRON: 2 } }],
    ["documents without a program: none: 1 in the manifest, 0 found", { withoutProgram: 0 }],
    ["unparsed lines by kind: nul: 0 in the manifest, 4 found", { unparsed: { empty: 1, nul: 4 } }],
    ["ssh events by result: AUTHZ Authorized: 1 in the manifest, 0 found", { results: { "AUTHN Failed": 3 } }],
    [
      "ssh results by remote address: AUTHN Failed 198.18.0.2: 1 in the manifest, 2 found",
      { remotes: { "AUTHN Failed 198.18.0.1": 2, "AUTHN Failed 198.18.0.2": 2 } },
    ],
  ])("names %s", (difference, changed) => {
    expect(differences({ ...FOUND, ...changed })).toEqual([difference]);
  });
});

describe("compareCounts", () => {
  it("names the first few differences and counts the rest", () => {
    const expected = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`p${i}`, i + 1]));
    const compared = compareCounts("programs", expected, {});
    expect(compared.numbers).toBe(9);
    expect(compared.differences).toHaveLength(6);
    expect(compared.differences.at(-1)).toBe("programs: 4 more differ");
  });
});
