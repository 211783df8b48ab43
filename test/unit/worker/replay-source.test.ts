import { describe, expect, it } from "vitest";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";
import type { Replay } from "../../../worker/contract/replay.ts";
import { committedSource } from "../../../worker/replay-source.ts";

const row = { chunk: "f-0", attempt: 2 } as LedgerRow;
const replay = { id: "f-0-r1", of: "f-0" } as Replay;

describe("what a replay loads again", () => {
  const source = (state: string, rest: { returnvalue?: LedgerRow | null; failedReason?: string } = {}) =>
    committedSource(
      {
        getJob: (id) =>
          Promise.resolve(
            id === "f-0"
              ? { getState: () => Promise.resolve(state as "completed"), failedReason: "", returnvalue: row, ...rest }
              : undefined,
          ) as never,
      },
      replay,
    );

  it("is the row that was committed", async () => {
    expect(await source("completed")).toBe(row);
  });

  it.each([
    ["waiting", row],
    ["active", row],
    ["delayed", row],
    // Put back in between.
    ["completed", null],
  ])("is waited for while it is %s", async (state, returnvalue) => {
    await expect(source(state, { returnvalue })).rejects.toMatchObject({ code: "SOURCE_WAITS", retryable: true });
  });

  it("costs what its source cost when that failed for good", async () => {
    const failedReason = "FILE_CHANGED: it grew; plan again";
    await expect(source("failed", { failedReason })).rejects.toMatchObject({ code: "FILE_CHANGED", retryable: false });
    await expect(source("failed", { failedReason: "what" })).rejects.toMatchObject({ code: "UNEXPECTED" });
  });

  it("must be there", async () => {
    const gone = committedSource({ getJob: () => Promise.resolve(undefined) }, replay);
    await expect(gone).rejects.toMatchObject({ code: "REJECTS_MISSING" });
  });
});
