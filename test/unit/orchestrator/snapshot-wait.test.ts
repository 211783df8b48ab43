import { getEventListeners } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@elastic/elasticsearch";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCluster } from "../../../orchestrator/cluster.ts";

/** Answers as Elasticsearch does while a snapshot runs; what is counted is what the caller leaves behind. */
describe("waiting for a snapshot", () => {
  let server: Server;
  let client: Client;
  let looks: number;
  beforeEach(async () => {
    looks = 0;
    server = createServer((request, response) => {
      request.resume();
      looks += 1;
      const state = looks < 4 ? "IN_PROGRESS" : "SUCCESS";
      response.setHeader("x-elastic-product", "Elasticsearch");
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ snapshots: [{ state }] }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    client = new Client({ node: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` });
  });
  afterEach(async () => {
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("leaves no listener on the signal, and ends with it", async () => {
    const stop = new AbortController();
    await createCluster(client).snapshot("r", "s", ["i"], stop.signal);
    expect(looks).toBeGreaterThan(3);
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
    looks = 0;
    const waiting = createCluster(client).snapshot("r", "s", ["i"], stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  });
});
