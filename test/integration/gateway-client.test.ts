import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { untilLoaderIsRevoked } from "../../orchestrator/gateway-client.ts";
import { REPORTED_MASTER, type GatewayReport } from "../../orchestrator/gateway/index.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

/** What the gateway's supervisor reports is written here by the test; that it asks the nodes is tested with a real gateway. */
describeWith(["redis"], "seeing that the loader is revoked", () => {
  const dir = privateStateDir("revoked");
  const never = new AbortController().signal;
  const keys = campaignKeys("revoked");
  const [first, second] = ["https://10.0.0.1:9200", "https://10.0.0.2:9200"];
  const nodes = new Map([
    ["gh-abcde-d1", first],
    ["gh-abcde-d2", second],
  ]);
  let server: TestRedis;
  beforeAll(async () => {
    server = await startRedis(dir);
  });
  afterAll(() => server.stop());
  beforeEach(() => server.client.flushall());

  const report = (loaderRefusedBy: readonly string[]): Promise<unknown> => {
    const text: GatewayReport = { at: Date.now(), loaderRefusedBy: [...loaderRefusedBy], repairs: [] };
    return server.client.set(keys.gatewayReport, JSON.stringify(text));
  };
  const wait = (patienceMs?: number): Promise<void> =>
    untilLoaderIsRevoked({ redis: server.client, keys }, nodes, never, patienceMs);

  it("waits until the master and every data node refuse it", async () => {
    await report([first]);
    let seen = false;
    const waiting = wait().then(() => (seen = true));
    await report([first, second]);
    expect(seen).toBe(false);
    await report([first, second, REPORTED_MASTER]);
    await waiting;
  });

  it("gives up in the end, and names who did not refuse it", async () => {
    await report([REPORTED_MASTER, second]);
    await expect(wait(1)).rejects.toMatchObject({
      code: "NOT_REVOKED",
      retryable: false,
      message: expect.stringMatching(/: gh-abcde-d1;/) as string,
    });
  });

  it("takes silence for no", async () => {
    await expect(wait(1)).rejects.toMatchObject({
      message: expect.stringContaining("the gateway's master, gh-abcde-d1, gh-abcde-d2;") as string,
    });
    await server.client.set(keys.gatewayReport, "{");
    await expect(wait(1)).rejects.toMatchObject({ code: "NOT_REVOKED" });
  });
});
