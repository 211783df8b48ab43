import { connect, type AddressInfo, type Socket } from "node:net";
import { createServer, type Server } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createAuthority, createIdentity, type Identity } from "../../../../orchestrator/security/authority.ts";
import { startRelay, type MetricsRelay } from "../../../../worker/agent/relay.ts";
import { waitFor } from "../../../support/index.ts";

let authority: Identity;
let server: Identity;
let client: Identity;
beforeAll(async () => {
  authority = await createAuthority("test");
  const names = { unit: "test", addresses: ["127.0.0.1"] };
  server = await createIdentity(authority, { ...names, commonName: "carbon", usage: ["server"] });
  client = await createIdentity(authority, { ...names, commonName: "node", usage: ["client"] });
});

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A TLS listener that wants client certificates and keeps what it gets. */
async function carbon(port = 0) {
  let text = "";
  const sockets = new Set<Socket>();
  const { certificate: cert, key } = server;
  const listener: Server = createServer(
    { cert, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      sockets.add(socket);
      socket.on("data", (data: Buffer) => (text += data.toString()));
      socket.on("error", () => undefined);
    },
  );
  await new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    if (listener.listening) await new Promise((resolve) => listener.close(resolve));
  };
  closing.push(close);
  return { port: (listener.address() as AddressInfo).port, text: () => text, close };
}

async function relayTo(port: number, bufferBytes?: number): Promise<MetricsRelay> {
  const relay = await startRelay({
    target: { host: "127.0.0.1", port },
    tls: { ca: authority.certificate, cert: client.certificate, key: client.key },
    log: () => undefined,
    ...(bufferBytes === undefined ? {} : { bufferBytes }),
  });
  closing.push(() => relay.close(500));
  return relay;
}

async function sender(relay: MetricsRelay): Promise<Socket> {
  const socket = connect(relay.port, relay.host);
  await new Promise((resolve) => socket.once("connect", resolve));
  closing.push(async () => socket.destroy());
  return socket;
}

describe("the metrics relay", () => {
  it("hands lines on over TLS, whole, whoever sends them in whatever pieces", async () => {
    const target = await carbon();
    const relay = await relayTo(target.port);
    const [a, b] = [await sender(relay), await sender(relay)];
    a.write("a.first 1");
    b.write("b.first 1 1\nb.sec");
    await waitFor("b's first line", () => target.text() === "b.first 1 1\n");
    a.write(" 1\n");
    b.write("ond 2 2\n");
    await waitFor("all lines", () => target.text().length >= 36);
    expect(target.text().split("\n").sort()).toEqual(["", "a.first 1 1", "b.first 1 1", "b.second 2 2"]);
  });

  it("keeps lines in an outage and delivers them after it", async () => {
    const target = await carbon();
    const relay = await relayTo(target.port);
    const socket = await sender(relay);
    await target.close();
    socket.write("a 1 1\nb 2 2\n");
    const again = await carbon(target.port);
    await waitFor("the lines", () => again.text() === "a 1 1\nb 2 2\n");
    expect(relay.droppedLines()).toBe(0);
  });

  it("drops the oldest lines when the outage is longer than its buffer, and counts them", async () => {
    const target = await carbon();
    await target.close();
    const relay = await relayTo(target.port, 12);
    const socket = await sender(relay);
    for (const line of ["a 1 1\n", "b 2 2\n", "c 3 3\n"]) {
      socket.write(line);
      // Pieces that arrive together are one block.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor("a dropped line", () => relay.droppedLines() > 0);
    const again = await carbon(target.port);
    await waitFor("the newest line", () => again.text().endsWith("c 3 3\n"));
    expect(again.text()).not.toContain("a 1 1");
  });
});
