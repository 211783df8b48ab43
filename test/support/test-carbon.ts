import { createServer, type Server, type Socket } from "node:net";

/** Takes metrics as carbon does, and can be away. */
export interface TestCarbon {
  readonly host: string;
  readonly port: number;
  /** The points of each path that came: second → value. A later one replaces an earlier one, as in carbon. */
  readonly points: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Cuts every connection and listens no more. What had been sent and not read is gone. */
  leave(): Promise<void>;
  /** Listens again, on the same port. */
  comeBack(): Promise<void>;
}

/** Starts it on loopback. The caller ends it with `leave`. */
export async function startTestCarbon(): Promise<TestCarbon> {
  const points = new Map<string, Map<number, number>>();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;

  const take = (line: string): void => {
    const [path = "", value, at] = line.split(" ");
    const series = points.get(path) ?? new Map<number, number>();
    points.set(path, series.set(Number(at), Number(value)));
  };
  const serve = (socket: Socket): void => {
    let rest = "";
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(take);
    });
  };
  const listen = async (): Promise<void> => {
    const one = createServer(serve);
    server = one;
    await new Promise<void>((resolve, reject) => one.once("error", reject).listen(port, "127.0.0.1", resolve));
    port = (one.address() as { readonly port: number }).port;
  };
  await listen();
  return {
    host: "127.0.0.1",
    port,
    points,
    async leave() {
      const leaving = server;
      server = undefined;
      if (!leaving) return;
      const closed = new Promise((resolve) => leaving.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    comeBack: listen,
  };
}
