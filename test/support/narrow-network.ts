import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** A way to a server that carries so much and no more, all connections together; answers pass freely. */
export interface NarrowNetwork {
  readonly url: string;
  /** Bytes that it has carried to the server. */
  readonly carried: number;
  close(): Promise<void>;
}

/** @param target `http://127.0.0.1:9200` */
export async function narrowNetwork(target: string, bytesPerSecond: number): Promise<NarrowNetwork> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let carried = 0;
  let freeAt = performance.now();
  /** One after the other, however many there are. */
  const narrow = (): Transform =>
    new Transform({
      transform(part: Buffer, _, done) {
        carried += part.length;
        freeAt = Math.max(freeAt, performance.now()) + (part.length / bytesPerSecond) * 1000;
        void sleep(Math.max(1, freeAt - performance.now())).then(() => done(null, part));
      },
    });
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.pipe(narrow()).pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    get carried() {
      return carried;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
