import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

import { afterAll, afterEach, beforeAll, expect, it } from "vitest";

import { createGraphiteSender, createMeter, type GraphiteSender, type Point } from "../../monitoring/index.ts";
import { configSchema } from "../../orchestrator/config-schema.ts";
import { createLog } from "../../orchestrator/log.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { ensureServices, servicesStatus, stopServices, type Services } from "../../orchestrator/services/index.ts";
import { identifyProcess, signalProcess } from "../../worker/contract/process.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";

const config = configSchema.parse({});
const log = createLog({ level: "error" });

describeWith(["redis", "carbon", "graphite-web"], "metrics on the way to carbon", () => {
  const paths = statePaths(privateStateDir("graphite"));
  let services: Services;
  let sender: GraphiteSender | undefined;

  beforeAll(async () => {
    services = await ensureServices(config, paths, log);
  });
  afterAll(async () => {
    await stopServices(paths, log);
  });
  afterEach(async () => {
    await sender?.close(100);
    sender = undefined;
  });

  /** The stored points of a path: second → value. */
  async function stored(path: string): Promise<ReadonlyMap<number, number>> {
    const query = new URLSearchParams({ target: path, from: "-15minutes", format: "json" });
    const response = await fetch(`${services.graphiteWeb?.url ?? ""}/render?${query.toString()}`);
    const [series] = (await response.json()) as { datapoints: [number | null, number][] }[];
    const points = new Map<number, number>();
    for (const [value, at] of series?.datapoints ?? []) if (value !== null) points.set(at, value);
    return points;
  }

  async function killCarbon(): Promise<void> {
    const pid = (await servicesStatus(config, paths)).find((service) => service.name === "carbon")?.pid ?? 0;
    const identity = identifyProcess(pid);
    if (!identity) throw new Error("carbon does not run");
    signalProcess(identity, "SIGKILL");
    await waitFor("carbon to die", () => identifyProcess(pid) === undefined);
  }

  /** One point for each of the `count` seconds before now. */
  function secondsUpToNow(path: string, count: number): Point[] {
    const now = Math.floor(Date.now() / 1000);
    return Array.from({ length: count }, (_, i) => ({ path, value: i, at: now - count + i }));
  }

  it("a count arrives as the rate that the table promises", async () => {
    sender = createGraphiteSender({ ...services.carbon });
    const meter = createMeter({
      prefix: "test",
      campaign: "rates",
      role: "parser",
      host: "10.0.0.1",
      intervalSeconds: 1,
      sender,
    });
    meter.count("lines.read", 1000);
    await meter.close();
    const points = await waitFor("the point", async () => {
      const found = await stored("test.rates.parser.10_0_0_1.lines.read");
      return found.size > 0 && found;
    });
    expect([...points.values()].reduce((sum, rate) => sum + rate, 0)).toBe(1000);
  });

  it("no point is lost when carbon is killed and away for a while", async () => {
    const states: string[] = [];
    sender = createGraphiteSender({ ...services.carbon, onState: (state) => states.push(state) });
    const path = "test.outage.parser.a.lines.read";
    const points = secondsUpToNow(path, 300);

    // A first third is taken, and is partly still in carbon's memory when it dies.
    sender.send(points.slice(0, 100));
    expect(await sender.drain(10_000)).toBe(true);
    await killCarbon();
    // A second comes in while nobody listens, in many small pieces.
    for (const point of points.slice(100, 200)) sender.send([point]);
    // What goes out before the end of the connection has arrived counts as handed over until then.
    await waitFor("the sender to notice", () => states.length > 0);
    expect(await sender.drain(1_500)).toBe(false);
    expect(sender.stats().buffered).toBeGreaterThanOrEqual(100);
    expect(states).toEqual(["away"]);

    expect((await ensureServices(config, paths, log)).carbon).toEqual(services.carbon);
    sender.send(points.slice(200));
    expect(await sender.drain(20_000)).toBe(true);
    const found = await waitFor("all points", async () => {
      const map = await stored(path);
      return map.size >= points.length && map;
    });
    expect([...found]).toEqual(points.map((point) => [point.at, point.value]));
    expect(sender.takeLosses()).toEqual({ dropped: 0, invalid: 0 });
  });

  it("a full buffer drops the oldest and counts them", async () => {
    const path = "test.full.parser.a.lines.read";
    const points = secondsUpToNow(path, 50);
    await killCarbon();
    sender = createGraphiteSender({ ...services.carbon, capacity: 20 });
    for (const point of points) sender.send([point]);
    expect(sender.takeLosses()).toEqual({ dropped: 30, invalid: 0 });
    services = await ensureServices(config, paths, log);
    expect(await sender.drain(20_000)).toBe(true);
    const found = await waitFor("the newest points", async () => {
      const map = await stored(path);
      return map.size >= 20 && map;
    });
    expect([...found.values()]).toEqual(points.slice(30).map((point) => point.value));
  });

  it("what is no number is counted and not sent", async () => {
    sender = createGraphiteSender({ ...services.carbon });
    const path = "test.invalid.parser.a.lines.read";
    const [first, second] = secondsUpToNow(path, 2);
    if (!first || !second) throw new Error("no points");
    sender.send([
      { ...first, value: Number.NaN },
      { ...second, value: 7 },
    ]);
    expect(await sender.drain(10_000)).toBe(true);
    expect(sender.takeLosses()).toEqual({ dropped: 0, invalid: 1 });
    const found = await waitFor("the good point", async () => {
      const map = await stored(path);
      return map.size > 0 && map;
    });
    expect([...found]).toEqual([[second.at, 7]]);
  });
});

describeWith([], "a proxy in front of carbon", () => {
  let proxy: Server;
  const sockets = new Set<Socket>();
  let accepted = 0;
  let received = "";
  /** Whether there is a carbon behind: else connections are taken and closed, as haproxy does. */
  let open = false;

  beforeAll(async () => {
    proxy = createServer((socket) => {
      accepted++;
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      if (!open) {
        socket.destroy();
        return;
      }
      socket.setEncoding("utf8").on("data", (text: string) => {
        received += text;
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });

  it("that closes at once is not hammered, and what it swallowed is sent again", async () => {
    const { port } = proxy.address() as { port: number };
    const sender = createGraphiteSender({ host: "127.0.0.1", port });
    const at = 1_700_000_000;
    for (let i = 0; i < 10; i++) {
      sender.send([{ path: "swallowed", value: i, at: at + i }]);
      await waitFor(`connection ${i + 1}`, () => accepted > Math.min(i, 2));
    }
    expect(accepted).toBeLessThan(12);
    open = true;
    await waitFor("all points", () => received.split("\n").length > 10, { timeoutMs: 20_000 });
    const lines = new Set(received.trimEnd().split("\n"));
    expect(lines).toEqual(new Set(Array.from({ length: 10 }, (_, i) => `swallowed ${i} ${at + i}`)));
    await sender.close(1_000);
  });
});
