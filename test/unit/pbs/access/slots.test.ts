import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSlots } from "../../../../pbs/access/slots.ts";

const never = new AbortController().signal;

describe("slots", () => {
  it("never gives more than there are, and all in the order in which they were asked for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 12 }), async (most, wanted) => {
        const slots = createSlots(most);
        const order: number[] = [];
        let highest = 0;
        await Promise.all(
          Array.from({ length: wanted }, async (_, n) => {
            const release = await slots.take(never);
            order.push(n);
            highest = Math.max(highest, slots.taken);
            await Promise.resolve();
            release();
            release();
          }),
        );
        expect(highest).toBe(Math.min(most, wanted));
        expect(order).toEqual(Array.from({ length: wanted }, (_, n) => n));
        expect(slots.taken).toBe(0);
      }),
    );
  });

  it("leaves the queue on abort", async () => {
    const slots = createSlots(1);
    const release = await slots.take(never);
    const controller = new AbortController();
    const waiting = slots.take(controller.signal);
    const next = slots.take(never);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    release();
    (await next)();
    expect(slots.taken).toBe(0);
    await expect(slots.take(controller.signal)).rejects.toThrow("enough");
  });

  it("can turn out to be fewer, but one remains", async () => {
    const slots = createSlots(3);
    const [a, b] = [await slots.take(never), await slots.take(never)];
    slots.lower(-1);
    const next = slots.take(never);
    a();
    expect(slots.taken).toBe(1);
    b();
    (await next)();
  });
});
