import { describe, expect, it } from "vitest";
import { isInOrder, ORDERS, priorityOf, type Order } from "../../../../worker/contract/spool.ts";

const DAYS = [undefined, "1970-01-01", "1999-12-31", "2013-01-01", "2013-01-02", "2013-02-01", "2500-01-01"];
const sorted = (order: Order): readonly (string | undefined)[] =>
  DAYS.map((day) => ({ day, priority: priorityOf(order, "a-0", day) }))
    .sort((a, b) => a.priority - b.priority)
    .map(({ day }) => day);

describe("the priorities of an order", () => {
  it("sort by day, and what has none before all", () => {
    expect(sorted("oldest")).toEqual(DAYS);
    expect(sorted("newest")).toEqual([undefined, ...DAYS.slice(1).reverse()]);
  });

  it.each(ORDERS)("%s: are its own, above none and below BullMQ's highest", (order) => {
    for (const day of [...DAYS, "0001-01-01", "9999-12-31"]) {
      const priority = priorityOf(order, "a-0", day);
      expect(priority).toBeGreaterThan(0);
      expect(priority).toBeLessThanOrEqual(2 ** 21);
      expect(ORDERS.filter((one) => isInOrder(one, priority))).toEqual([order]);
    }
  });

  it("spread shuffles days that come one after the other, the same way every time", () => {
    const chunks = Array.from({ length: 400 }, (_, n) => ({ id: `f-${String(n)}`, late: n >= 200 }));
    const turn = ({ id }: { id: string }): number => priorityOf("spread", id, "2013-01-01");
    const first = [...chunks].sort((a, b) => turn(a) - turn(b)).slice(0, 100);
    const late = first.filter((one) => one.late).length;
    expect(late).toBeGreaterThan(30);
    expect(late).toBeLessThan(70);
    expect(isInOrder("spread", 0)).toBe(true);
  });
});
