import { createServer, type Server, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { AgentLog } from "./log.ts";

/** Metrics of this node on their way to carbon. */
export interface MetricsRelay {
  /** Loopback, plaintext: for the processes of this node. */
  readonly host: string;
  readonly port: number;
  /** Lines that an outage cost, because the buffer was full. */
  droppedLines(): number;
  /** Hands over what is buffered, for at most `timeoutMs`, then closes. */
  close(timeoutMs: number): Promise<void>;
}

export interface RelayOptions {
  /** The gateway's port for carbon. */
  readonly target: { readonly host: string; readonly port: number };
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly log: AgentLog;
  /** Most bytes kept in an outage; the oldest lines go first. Default 4 MiB, about 50,000 points. */
  readonly bufferBytes?: number;
}

const BUFFER_BYTES = 4 * 2 ** 20;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
/** A line longer than this is no metric. */
const LONGEST_LINE = 8192;
const NEWLINE = 0x0a;

/**
 * Takes carbon's plaintext lines at a loopback port of its own and sends them over TLS to the gateway. Lines of different processes
 * are never mixed. In an outage lines are kept up to a bound.
 */
export async function startRelay(options: RelayOptions): Promise<MetricsRelay> {
  const buffer = new LineBuffer(options.bufferBytes ?? BUFFER_BYTES);
  const upstream = new Upstream(options, buffer);
  const clients = new Set<Socket>();
  const server: Server = createServer((client) => {
    clients.add(client);
    let rest = Buffer.alloc(0);
    client.on("data", (data) => {
      const bytes = rest.length === 0 ? data : Buffer.concat([rest, data]);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      // Copied: a slice would keep the socket's whole read buffer alive.
      if (end > 0) buffer.push(Buffer.from(bytes.subarray(0, end)));
      rest = bytes.length - end > LONGEST_LINE ? Buffer.alloc(0) : Buffer.from(bytes.subarray(end));
      upstream.flush();
    });
    client.on("error", () => undefined);
    client.on("close", () => clients.delete(client));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => resolve());
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  return {
    host: "127.0.0.1",
    port: address.port,
    droppedLines: () => buffer.dropped,
    async close(timeoutMs) {
      server.close();
      for (const client of clients) client.destroy();
      await upstream.close(timeoutMs);
    },
  };
}

/** Whole lines, oldest first, bounded in bytes. */
class LineBuffer {
  readonly #limit: number;
  readonly #blocks: Buffer[] = [];
  #bytes = 0;
  dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  push(block: Buffer): void {
    this.#blocks.push(block);
    this.#bytes += block.length;
    while (this.#bytes > this.#limit) {
      const oldest = this.#blocks.shift();
      if (!oldest) return;
      this.#bytes -= oldest.length;
      for (const byte of oldest) if (byte === NEWLINE) this.dropped += 1;
    }
  }

  shift(): Buffer | undefined {
    const block = this.#blocks.shift();
    if (block) this.#bytes -= block.length;
    return block;
  }
}

/** The connection to the gateway, made when there is something to send. */
class Upstream {
  readonly #options: RelayOptions;
  readonly #buffer: LineBuffer;
  #socket: TLSSocket | undefined;
  #ready = false;
  #blocked = false;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #toldAway = false;

  constructor(options: RelayOptions, buffer: LineBuffer) {
    this.#options = options;
    this.#buffer = buffer;
  }

  flush(): void {
    if (this.#closed) return;
    if (!this.#socket) {
      if (!this.#retry && !this.#buffer.isEmpty) this.#connect();
      return;
    }
    while (this.#ready && !this.#blocked) {
      const block = this.#buffer.shift();
      if (!block) return;
      this.#blocked = !this.#socket.write(block);
    }
  }

  async close(timeoutMs: number): Promise<void> {
    const until = Date.now() + timeoutMs;
    this.flush();
    while (Date.now() < until && (!this.#buffer.isEmpty || (this.#socket?.writableLength ?? 0) > 0)) {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    this.#closed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (!socket) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, until - Date.now()));
      socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end();
    });
    socket.destroy();
  }

  #connect(): void {
    const { target, tls, log } = this.#options;
    const socket = connect({ ...target, ...tls });
    this.#socket = socket;
    socket.setKeepAlive(true, 30_000);
    socket.once("secureConnect", () => {
      this.#ready = true;
      this.#retryMs = FIRST_RETRY_MS;
      if (this.#toldAway) log("metrics reach the gateway again");
      this.#toldAway = false;
      this.flush();
    });
    socket.on("drain", () => {
      this.#blocked = false;
      this.flush();
    });
    // Carbon says nothing; reading on is how a closed connection shows.
    socket.resume();
    socket.on("error", (error: Error) => {
      if (!this.#toldAway) log(`metrics cannot reach the gateway: ${error.message}; they are buffered`);
      this.#toldAway = true;
    });
    socket.once("close", () => {
      this.#socket = undefined;
      this.#ready = false;
      this.#blocked = false;
      if (this.#closed) return;
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.flush();
      }, this.#retryMs);
      this.#retry.unref();
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    });
  }
}
