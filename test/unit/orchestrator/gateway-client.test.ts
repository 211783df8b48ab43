import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { untilLoaderIsRevoked } from "../../../orchestrator/gateway-client.ts";
import type { GatewayState } from "../../../orchestrator/gateway/index.ts";
import {
  createCampaignSecrets,
  loadGatewaySecrets,
  type CampaignSecrets,
} from "../../../orchestrator/security/index.ts";

/** A master and data nodes are servers that take or refuse every credential, under certificates of the campaign. */
describe("seeing that the loader is revoked", () => {
  const dir = mkdtempSync(join(tmpdir(), "gh-revoked-"));
  const never = new AbortController().signal;
  const servers: Server[] = [];
  let secrets: CampaignSecrets;
  let gateway: GatewayState;

  const serve = async (status: () => number): Promise<string> => {
    const { proxy } = await loadGatewaySecrets(join(dir, "secrets"));
    const server = createServer({ cert: proxy.certificate, key: proxy.key }, (request, response) => {
      request.resume();
      response.writeHead(status(), { "x-elastic-product": "Elasticsearch", "content-type": "application/json" });
      response.end("{}");
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  };
  beforeAll(async () => {
    const options = { campaign: "c", gatewayAddresses: ["127.0.0.1"], indices: ["logs-*"] };
    secrets = await createCampaignSecrets(join(dir, "secrets"), options);
    gateway = { elasticsearchUrl: await serve(() => 401) } as GatewayState;
  });
  afterAll(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(dir, { recursive: true, force: true });
  });

  it("waits for a node that still takes it", async () => {
    let answers = 0;
    const late = await serve(() => (++answers > 2 ? 401 : 200));
    await untilLoaderIsRevoked({ secrets, gateway }, new Map([["gh-abcde-d1", late]]), never);
    expect(answers).toBe(3);
  });

  it("gives up in the end, and names who takes it or does not answer", async () => {
    const nodes = new Map([
      ["gh-abcde-d1", await serve(() => 200)],
      ["gh-abcde-d2", "https://127.0.0.1:1"],
      ["gh-abcde-d3", await serve(() => 401)],
    ]);
    const waiting = untilLoaderIsRevoked({ secrets, gateway }, nodes, never, 1);
    await expect(waiting).rejects.toMatchObject({
      code: "NOT_REVOKED",
      retryable: false,
      message: expect.stringMatching(/: gh-abcde-d1, gh-abcde-d2;/) as string,
    });
  });
});
