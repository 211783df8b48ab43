import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RejectReport } from "../../../orchestrator/rejects.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";
import type { RejectedDocument } from "../../../worker/contract/rejected-document.ts";
import { writeCampaignDirectory } from "../../support/campaign-directory.ts";
import { gridharvest } from "../../support/gridharvest.ts";

const DONE = ["start", "booted", "drained", "finished", "torn-down-done"] as const;

describe("rejects", () => {
  it.each(["--pipeline", "--service"])("%s goes with --replay", async (flag) => {
    const { code, err } = await call("c", flag, "auth");
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(`${flag} goes with --replay`) as string });
  });

  let stateDir: string;
  beforeEach(() => void (stateDir = mkdtempSync(join(tmpdir(), "gridharvest-rejects-"))));
  afterEach(() => rmSync(stateDir, { recursive: true }));
  const call = (id: string, ...words: string[]) => gridharvest("rejects", id, "--state-dir", stateDir, ...words);

  const rejected = (chunk: string, offset: number, line: string, more: Partial<RejectedDocument> = {}) => ({
    chunk,
    file: `hosts/${chunk}`,
    offset,
    status: 400,
    type: "document_parsing_exception",
    reason: `failed to parse field [pid] at ${String(offset)}`,
    index: "logs-a",
    id: `${chunk}${String(offset)}`,
    program: "sshd",
    word: "Accepted",
    raw: Buffer.from(line).toString("base64"),
    ...more,
  });

  /** A campaign that has ended, with these rejects by chunk. */
  const write = async (id: string, chunks: Readonly<Record<string, readonly object[]>>): Promise<void> => {
    const { paths } = await writeCampaignDirectory(stateDir, id, DONE);
    const rows = Object.entries(chunks).map(([chunk, { length }]) => ({ chunk, counts: { rejected: length } }));
    writeFileSync(paths.ledger, rows.map((row) => `${JSON.stringify(row as unknown as LedgerRow)}\n`).join(""));
    mkdirSync(paths.rejects);
    for (const [chunk, documents] of Object.entries(chunks)) {
      if (documents.length === 0) continue;
      const text = documents.map((document) => `${JSON.stringify(document)}\n`).join("");
      writeFileSync(join(paths.rejects, `${chunk}.ndjson`), text);
    }
  };

  it("are shown by reason, most first, with the first line of each", async () => {
    const cron = { program: "CRON", word: "(root)" };
    await write("month", {
      "a-0": [rejected("a-0", 10, "Jan 10 h CRON: one\n", cron), rejected("a-0", 90, "Jan 10 h sshd: first\n")],
      "a-1": [],
      "b-0": [rejected("b-0", 7, "Jan 10 h sshd: \u001b[31mlater\n"), rejected("b-0", 8, "x\n", { type: "other" })],
    });
    const json = await call("month", "--json");
    const { documents, groups } = JSON.parse(json.out) as RejectReport;
    expect(documents).toBe(4);
    expect(
      groups.map(({ type, program, word, documents: n, file, offset }) => [n, type, program, word, file, offset]),
    ).toEqual([
      [2, "document_parsing_exception", "sshd", "Accepted", "hosts/a-0", 90],
      [1, "document_parsing_exception", "CRON", "(root)", "hosts/a-0", 10],
      [1, "other", "sshd", "Accepted", "hosts/b-0", 8],
    ]);
    expect(Buffer.from(groups[0]?.raw ?? "", "base64").toString()).toBe("Jan 10 h sshd: first\n");
    const { out, code } = await call("month");
    expect(code).toBe(0);
    expect(out).toMatch(/^4 documents were rejected\n/);
    expect(out).toContain("hosts/a-0, offset 90: failed to parse field [pid] at 90\n  Jan 10 h sshd: first\n");
    expect(out).not.toContain("\u001b");
  });

  it("of versions that wrote no groups are shown by error alone", async () => {
    const { program: _p, word: _w, ...old } = rejected("a-0", 1, "line\n");
    await write("old", { "a-0": [old] });
    const { groups } = JSON.parse((await call("old", "--json")).out) as RejectReport;
    expect(groups).toEqual([expect.objectContaining({ program: "?", word: "?", documents: 1 })]);
  });

  it("say that there are none", async () => {
    await write("none", { "a-0": [] });
    expect((await call("none")).out).toBe("nothing was rejected\n");
  });

  it("that the ledger names and nobody has are a fault, named by their file", async () => {
    await write("lost", { "a-0": [rejected("a-0", 1, "line\n")] });
    rmSync(join(stateDir, "campaigns/lost/rejects/a-0.ndjson"));
    const { code, err } = await call("lost");
    expect(code).toBe(1);
    expect(err).toContain("lost/rejects/a-0.ndjson");
  });

  it("of a campaign that ended without a ledger are not known", async () => {
    await writeCampaignDirectory(stateDir, "cut", ["start", "cancel", "torn-down-cancelled"]);
    const { code, out } = await call("cut", "--json");
    expect(JSON.parse(out)).toMatchObject({ error: { code: "REJECTS_MISSING" } });
    expect(code).toBe(1);
  });
});
