import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { createLog, teeLog } from "../../../orchestrator/log.ts";

it("a log for two places says everything in both", () => {
  const [one, other] = [new PassThrough(), new PassThrough()];
  const log = teeLog(createLog({ stream: one, level: "warn" }), createLog({ stream: other, json: true }));
  log.info("low", { n: 1 });
  log.error("high");
  expect(String(one.read())).toMatch(/^\S+ error high\n$/);
  const lines = String(other.read()).trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ text: "low", n: 1 }, { text: "high" }]);
});
