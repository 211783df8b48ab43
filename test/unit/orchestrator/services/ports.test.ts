import { once } from "node:events";
import { createServer } from "node:net";

import { describe, expect, it } from "vitest";

import { accepts, choosePort, isFree, SERVICE_HOST } from "../../../../orchestrator/services/ports.ts";

describe("ports of the embedded services", () => {
  it("the preferred one is kept while it is free, and given up when it is not", async () => {
    const port = await choosePort(undefined, new Set());
    expect(await choosePort(port, new Set())).toBe(port);
    expect(await choosePort(port, new Set([port]))).not.toBe(port);

    const other = createServer().listen(port, SERVICE_HOST);
    await once(other, "listening");
    expect(await isFree(port)).toBe(false);
    expect(await accepts(SERVICE_HOST, port, 1_000)).toBe(true);
    expect(await choosePort(port, new Set())).not.toBe(port);
    other.close();
    await once(other, "close");
    expect(await accepts(SERVICE_HOST, port, 1_000)).toBe(false);
  });
});
