import { describe, expect, it } from "vitest";
import type { NodeFigures } from "../../../../orchestrator/cluster.ts";
import { Looks, observationOf } from "../../../../orchestrator/tuning/looks.ts";
import type { ParserFigures } from "../../../../worker/contract/tuning.ts";

const ZERO: ParserFigures = {
  upMillis: 0,
  slots: 2,
  documents: 0,
  requests: 0,
  bytes: 0,
  latencyMillis: 0,
  tookMillis: 0,
  throttled: 0,
  failed: 0,
  idleMillis: 0,
  askMillis: 0,
  readMillis: 0,
  limitedMillis: 0,
  waitMillis: 0,
  fullMillis: 0,
  parseMillis: 0,
  unpackMillis: 0,
  unpackReadMillis: 0,
  mainMillis: 0,
};
const NODE: NodeFigures = {
  documents: 0,
  storeBytes: 0,
  indexed: 0,
  indexMillis: 0,
  throttledMillis: 0,
  mergeMillis: 0,
  mergesRunning: 0,
  gcMillis: 0,
  heapPercent: 50,
  heapBytes: 2 ** 30,
  writeQueue: 0,
  writeActive: 0,
  cpuMillis: 0,
  hostCpuPercent: 40,
};
const at = (upMillis: number, more: Partial<ParserFigures> = {}): ParserFigures => ({ ...ZERO, upMillis, ...more });
const parsers = (figures: Readonly<Record<string, ParserFigures>>) => new Map(Object.entries(figures));

describe("looks at parsers and data nodes", () => {
  it("say nothing before there are two of each", () => {
    const looks = new Looks();
    expect(observationOf(looks.take(parsers({ p1: at(1000) }), { at: 1, figures: { d1: NODE } }), 1)).toBeUndefined();
    expect(observationOf(looks.take(parsers({ p1: at(2000) }), { at: 1, figures: { d1: NODE } }), 1)).toBeUndefined();
    expect(observationOf(looks.take(parsers({ p1: at(3000) }), { at: 2, figures: { d1: NODE } }), 1)).toBeDefined();
  });

  it("become rates by each parser's own clock, and sums over all of them", () => {
    const looks = new Looks();
    looks.take(parsers({ p1: at(1000), p2: at(500_000) }), { at: 0, figures: { d1: NODE, d2: NODE } });
    const busy = { ...NODE, gcMillis: 300, throttledMillis: 100, cpuMillis: 1500, heapPercent: 80 };
    const rates = looks.take(
      parsers({
        p1: at(3000, { documents: 1000, requests: 4, latencyMillis: 400, fullMillis: 1000, idleMillis: 1000 }),
        p2: at(501_000, { documents: 1000, requests: 6, latencyMillis: 300, throttled: 2 }),
      }),
      { at: 1000, figures: { d1: NODE, d2: busy } },
    );
    expect(rates.parsers.map(({ idle }) => idle)).toEqual([0.25, 0]);
    expect(rates.nodes.map(({ cores }) => cores)).toEqual([0, 1.5]);
    expect(observationOf(rates, 2)).toEqual({
      seconds: 2,
      documents: 2 * (500 + 1000),
      requests: 2 * (2 + 6),
      latencyMillis: (2 * 100 + 6 * 50) / 8,
      throttled: 4,
      full: 0.25,
      network: 0,
      heap: 0.8,
      collecting: 0.3,
      merging: 0.1,
      parsers: 2,
      dataNodes: 2,
      heapBytes: 2 ** 31,
    });
  });

  it("take a parser for what it did before while it reports nothing new, and for none when that goes on", () => {
    const looks = new Looks();
    looks.take(parsers({ p1: at(1000) }), undefined);
    const rates = [2000, 2000, 2000, 2000, 2000, 2000, 2000].map(
      (up) => looks.take(parsers({ p1: at(up, { documents: 70 }) }), undefined).parsers[0]?.documents,
    );
    expect(rates).toEqual([70, 70, 70, 70, 70, undefined, undefined]);
  });

  it("say what was done in the last seconds, whatever the last one was like", () => {
    const looks = new Looks();
    expect(looks.recent()).toEqual({ parsers: [], nodes: [] });
    for (let second = 0; second <= 20; second++) {
      // Parses in every other second, and waits in the others.
      const parseMillis = 1000 * Math.ceil(second / 2);
      const figures = { p1: at(second * 1000, { slots: 1, parseMillis }) };
      const node = { ...NODE, cpuMillis: 100 * second, hostCpuPercent: second % 2 === 0 ? 100 : 0 };
      looks.take(parsers(figures), { at: second * 1000, figures: { d1: node } });
    }
    const {
      parsers: [parser],
      nodes,
    } = looks.recent();
    expect(parser?.parsing).toBe(0.5);
    expect(nodes).toMatchObject([{ cores: 0.1, hostCpu: 0.5 }]);
  });

  it("forget what was before the last seconds, and those that are gone", () => {
    const looks = new Looks();
    const idle = (second: number, idleSeconds: number) =>
      looks.take(parsers({ p1: at(second * 1000, { slots: 1, idleMillis: idleSeconds * 1000 }) }), {
        at: second * 1000,
        figures: { [second < 10 ? "d1" : "d2"]: NODE },
      });
    for (let second = 0; second <= 10; second++) idle(second, second);
    for (let second = 11; second <= 16; second++) idle(second, 10);
    expect(looks.recent().parsers.map((one) => one.idle)).toEqual([0]);
    expect(looks.recent().nodes).toHaveLength(1);
    looks.take(parsers({}), undefined);
    expect(looks.recent().parsers).toEqual([]);
  });

  it("begin anew with a process that begins anew, and forget one that is gone", () => {
    const looks = new Looks();
    looks.take(parsers({ p1: at(9000, { documents: 900 }) }), undefined);
    expect(looks.take(parsers({ p1: at(100) }), undefined).parsers).toEqual([]);
    expect(looks.take(parsers({ p1: at(1100, { documents: 50 }) }), undefined).parsers[0]?.documents).toBe(50);
    expect(looks.take(parsers({}), undefined).parsers).toEqual([]);
  });
});
