import { describe, expect, it } from "vitest";
import { createAdmission, MOST_IN_SLOT } from "../../../worker/admission.ts";

const MIB = 2 ** 20;
const never = new AbortController().signal;

describe("admission", () => {
  it("takes one large chunk to a slot, and many small ones", async () => {
    const admission = createAdmission(2, () => 4 * MIB);
    const leave = await admission.enter(8 * MIB, never);
    for (let i = 0; i < MOST_IN_SLOT; i++) await admission.enter(10_000, never);
    let entered = false;
    const late = admission.enter(1, never).then((leaveLate) => {
      entered = true;
      return leaveLate;
    });
    await Promise.resolve();
    expect(entered).toBe(false);
    leave();
    leave();
    await late;
    for (let i = 1; i < MOST_IN_SLOT; i++) await admission.enter(1, never);
  });

  it("admits in order, so that a large chunk is not passed for ever by small ones", async () => {
    const admission = createAdmission(1, () => 4 * MIB);
    const leaves = [await admission.enter(MIB, never), await admission.enter(MIB, never)];
    const order: string[] = [];
    const large = admission.enter(4 * MIB, never).then((leave) => {
      order.push("large");
      leave();
    });
    const small = admission.enter(1, never).then(() => order.push("small"));
    for (const leave of leaves) leave();
    await Promise.all([large, small]);
    expect(order).toEqual(["large", "small"]);
  });

  it("lets go who is aborted while waiting, and those behind him in", async () => {
    const admission = createAdmission(1, () => 4 * MIB);
    await admission.enter(MIB, never);
    const abort = new AbortController();
    const large = admission.enter(4 * MIB, abort.signal);
    const small = admission.enter(MIB, never);
    abort.abort();
    await expect(large).rejects.toThrow(/abort/);
    await small;
    await expect(admission.enter(1, abort.signal)).rejects.toThrow(/abort/);
  });

  it("asks for more chunks as they turn out small, and for few at the first large one", () => {
    const admission = createAdmission(2, () => 4 * MIB);
    expect(admission.concurrency(8 * MIB)).toBe(2);
    const asked = Array.from({ length: 20 }, () => admission.concurrency(10_000));
    expect(asked).toEqual([...asked].sort((a, b) => a - b));
    expect(asked.at(-1)).toBeGreaterThan(MOST_IN_SLOT);
    expect(admission.concurrency(8 * MIB)).toBe(2);
  });
});
