import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createHttpClient, UnsentError } from "../../../../worker/sinks/elasticsearch/http.ts";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** Takes connections and says nothing on them. */
async function silentServer(): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

it("gives up a connection that is not made, TLS included, and knows that nothing was sent", async () => {
  const client = createHttpClient({ silenceMs: 60_000, connectMs: 20 });
  ended.push(() => client.close());
  const url = `https://127.0.0.1:${String(await silentServer())}`;
  const sent = client.send(url, { method: "POST", path: "/", body: Buffer.from("x") }, new AbortController().signal);
  await expect(sent).rejects.toThrow("no connection for 0.02 s");
  await expect(sent).rejects.toBeInstanceOf(UnsentError);
});

it("waits longer for an answer than for a connection, and then does not know", async () => {
  const client = createHttpClient({ silenceMs: 100, connectMs: 50 });
  ended.push(() => client.close());
  const url = `http://127.0.0.1:${String(await silentServer())}`;
  const sent = client.send(url, { method: "POST", path: "/", body: Buffer.from("x") }, new AbortController().signal);
  await expect(sent).rejects.toThrow("no answer for 0.1 s");
  await expect(sent).rejects.not.toBeInstanceOf(UnsentError);
});
