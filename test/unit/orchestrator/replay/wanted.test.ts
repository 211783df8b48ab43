import { describe, expect, it } from "vitest";
import { replaysWanted } from "../../../../orchestrator/replay/wanted.ts";
import type { Origin } from "../../../../worker/contract/chunk.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../../worker/contract/ledger.ts";
import { replaySchema } from "../../../../worker/contract/replay.ts";
import { originOf } from "../../../support/parser-campaign.ts";

const named = (path: string, service: string): Origin => ({ ...originOf(path, "logs-{day}"), service });
const AUTH = named("hosts/a/auth", "auth");
const KERN = named("hosts/a/kern", "kern");
const origins = new Map([AUTH, KERN].map((origin) => [origin.fileId, origin]));
const rules = {
  pipelines: ["auth", "syslog"].map((name) => ({ services: [name], file: name, text: "" })),
  otherwise: "syslog",
};

function row({ fileId }: Origin, n: number, rejected: number, more: Partial<LedgerRow> = {}): LedgerRow {
  const counts = { ...ZERO_COUNTS, rejected };
  return { chunk: `${fileId}-${String(n)}`, fileId, counts, attempt: 1, ...more } as LedgerRow;
}
function replay(of: LedgerRow, n: number, rejected: number): LedgerRow {
  const chunk = of.replay?.chunk ?? of.chunk;
  return {
    ...of,
    chunk: `${chunk}-r${String(n)}`,
    counts: { ...ZERO_COUNTS, rejected },
    replay: { chunk, of: of.chunk, attempt: 1, pipeline: "p" },
  };
}

describe("what is loaded again", () => {
  const wanted = (rows: readonly LedgerRow[], service?: string) =>
    replaysWanted(rows, origins, rules, { pipeline: "hash", service }).map(({ id, of }) => [id, of]);
  const auth = row(AUTH, 0, 3);
  const id = auth.chunk;

  it("is what a chunk had rejected, as a message of the spool", () => {
    const rows = [row(AUTH, 1, 0), auth];
    const [message] = replaysWanted(rows, origins, rules, { pipeline: "hash" });
    expect(message).toEqual({ id: `${id}-r1`, of: id, chunk: id, origin: AUTH, pipeline: "hash" });
    expect(replaySchema.parse(message)).toEqual(message);
    expect(wanted(rows).length).toBe(1);
  });

  it("is what its last replay has rejected again, if anything", () => {
    const first = replay(auth, 1, 2);
    const second = replay(first, 2, 0);
    expect(wanted([first, auth])).toEqual([[`${id}-r2`, `${id}-r1`]]);
    expect(wanted([second, auth, first])).toEqual([]);
  });

  it.each<[string | undefined, readonly string[]]>([
    [undefined, [AUTH.path, KERN.path]],
    ["auth", [AUTH.path]],
    // Nobody else reads it.
    ["syslog", [KERN.path]],
    ["kern", [KERN.path]],
    ["cron", []],
  ])("with the pipeline of %s that of the files %j", (service, paths) => {
    const rows = [row(KERN, 0, 1), row(AUTH, 0, 1)];
    const found = replaysWanted(rows, origins, rules, { pipeline: "hash", service });
    expect(found.map(({ origin }) => origin.path).sort()).toEqual(paths);
  });

  it("comes in the order of its ids", () => {
    const rows = [row(AUTH, 2, 1), row(AUTH, 0, 1), row(AUTH, 1, 1)];
    expect(wanted(rows).map(([, of]) => of)).toEqual([0, 1, 2].map((n) => `${AUTH.fileId}-${String(n)}`));
  });
});
