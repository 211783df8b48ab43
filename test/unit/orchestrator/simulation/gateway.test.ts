import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { DEFAULT_COSTS } from "../../../../orchestrator/simulation/costs.ts";
import { gatewayLoad, PROXY_CONNECTIONS } from "../../../../orchestrator/simulation/gateway.ts";

it("knows how many connections the proxy takes", () => {
  const template = readFileSync(new URL("../../../../templates/proxy/haproxy.cfg.tmpl", import.meta.url), "utf8");
  expect(/^ *maxconn (\d+)$/m.exec(template)?.[1]).toBe(String(PROXY_CONNECTIONS));
});

it("grows with the square of the nodes when each parser reads the whole list each second", () => {
  const of = (n: number, list: "each second" | "when changed") => gatewayLoad(n, n, DEFAULT_COSTS, list).bytesPerSecond;
  expect(of(1000, "each second") / of(100, "each second")).toBeGreaterThan(80);
  expect(of(1000, "when changed") / of(100, "when changed")).toBeCloseTo(10);
  expect(gatewayLoad(1000, 1000, DEFAULT_COSTS).bytesPerSecond).toBe(of(1000, "when changed"));
});
