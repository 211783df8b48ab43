import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import GraphiteClient from "graphite";
import CarbonClient from "graphite/lib/CarbonClient.js";

/** One value of one metric path at one second. */
export interface Point {
  readonly path: string;
  readonly value: number;
  /** Seconds since 1970, whole. */
  readonly at: number;
}

/** What a sender did since it was made. `invalid` points were no finite number. */
export interface SenderStats {
  readonly sent: number;
  readonly dropped: number;
  readonly invalid: number;
  readonly buffered: number;
}

/**
 * Delivers points to carbon in the background. `send` never waits and never fails: points stand in a bounded buffer
 * until carbon has taken them, the oldest are dropped (and counted) when it is full.
 */
export interface GraphiteSender {
  send(points: readonly Point[]): void;
  stats(): SenderStats;
  /** What `stats` counts as dropped and invalid since the last call: for the metrics that tell of it. */
  takeLosses(): { readonly dropped: number; readonly invalid: number };
  /** Waits until everything has been handed over. False when that took longer. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Drains for at most `timeoutMs`, then ends the connection. What is left is lost. */
  close(timeoutMs?: number): Promise<void>;
}

/** With what a client shows itself to a proxy, PEM texts. `key` is secret. */
export interface ClientTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Carbon's plaintext listener; with `tls` a proxy before it. */
export interface CarbonTarget {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls;
}

export interface GraphiteSenderOptions extends CarbonTarget {
  /** Most points kept, delivered ones of the repeat window included. Default 50,000: about 10 MB. */
  readonly capacity?: number;
  /**
   * Points handed over within this time are sent again after the connection broke: a broken carbon takes with it what
   * stood in socket buffers and in its own cache, and the same point twice is one point. Default 120 s.
   */
  readonly repeatSeconds?: number;
  /** Called when carbon goes away and when it is back, once each. */
  readonly onState?: (state: "connected" | "away", reason: string) => void;
}

interface Entry extends Point {
  sentAtMs: number;
}

const POINTS_PER_WRITE = 500;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
/** A write or a connection that is not accepted within this time belongs to a dead peer. */
const STALLED_MS = 20_000;
/** A connection that breaks sooner than this was no connection: a proxy took it with nobody behind. */
const SETTLED_MS = 2_000;

/** A sender over the npm package `graphite`, which formats the lines; connections and repetition are done here. */
export function createGraphiteSender(options: GraphiteSenderOptions): GraphiteSender {
  return new BufferedSender(options);
}

class BufferedSender implements GraphiteSender {
  readonly #options: GraphiteSenderOptions;
  readonly #capacity: number;
  readonly #repeatMs: number;
  /** In order of arrival. Entries below sequence number `#next` have been handed over. */
  readonly #entries: Entry[] = [];
  #firstSequence = 0;
  #next = 0;
  #socket: Socket | undefined;
  #client: GraphiteClient | undefined;
  #pumping = false;
  #closed = false;
  #away = false;
  #retryMs = FIRST_RETRY_MS;
  #connectedAtMs = 0;
  #shaky = false;
  #wake: (() => void) | undefined;
  #idle: (() => void)[] = [];
  #sent = 0;
  #dropped = 0;
  #invalid = 0;
  #told = { dropped: 0, invalid: 0 };

  constructor(options: GraphiteSenderOptions) {
    this.#options = options;
    this.#capacity = options.capacity ?? 50_000;
    this.#repeatMs = (options.repeatSeconds ?? 120) * 1000;
  }

  send(points: readonly Point[]): void {
    if (this.#closed) return;
    for (const point of points) {
      if (Number.isFinite(point.value) && Number.isFinite(point.at)) {
        this.#entries.push({ path: point.path, value: point.value, at: Math.floor(point.at), sentAtMs: 0 });
      } else {
        this.#invalid++;
      }
    }
    this.#trim();
    void this.#pump();
  }

  stats(): SenderStats {
    return { sent: this.#sent, dropped: this.#dropped, invalid: this.#invalid, buffered: this.#end - this.#next };
  }

  takeLosses(): { readonly dropped: number; readonly invalid: number } {
    const losses = { dropped: this.#dropped - this.#told.dropped, invalid: this.#invalid - this.#told.invalid };
    this.#told = { dropped: this.#dropped, invalid: this.#invalid };
    return losses;
  }

  async drain(timeoutMs: number): Promise<boolean> {
    if (this.#next === this.#end) return true;
    // This timer is the only thing here that keeps a process alive.
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    this.#idle.push(() => resolve(true));
    this.#wake?.();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(timeoutMs = 2_000): Promise<void> {
    if (this.#closed) return;
    await this.drain(timeoutMs);
    this.#closed = true;
    this.#wake?.();
    const socket = this.#socket;
    if (!socket) return;
    // The end is acknowledged by the peer's end: only then has it read everything.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), Math.max(timeoutMs, 100));
      socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#client?.end();
    });
  }

  get #end(): number {
    return this.#firstSequence + this.#entries.length;
  }

  /** Forgets delivered points that are older than the repeat window, and the oldest of all beyond the capacity. */
  #trim(): void {
    const horizon = performance.now() - this.#repeatMs;
    const delivered = this.#next - this.#firstSequence;
    let forget = 0;
    while (forget < delivered && (this.#entries[forget]?.sentAtMs ?? 0) <= horizon) forget++;
    forget = Math.max(forget, this.#entries.length - this.#capacity);
    if (forget <= 0) return;
    this.#dropped += Math.max(0, forget - delivered);
    this.#entries.splice(0, forget);
    this.#firstSequence += forget;
    this.#next = Math.max(this.#next, this.#firstSequence);
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (!this.#closed && this.#next < this.#end) {
        try {
          if (this.#shaky) {
            this.#shaky = false;
            throw new Error("the connection was closed at once");
          }
          await this.#connect();
          await this.#writeSome();
          if (performance.now() - this.#connectedAtMs >= SETTLED_MS) this.#say("connected", "");
        } catch (error) {
          this.#say("away", error instanceof Error ? error.message : String(error));
          await this.#pause();
        }
      }
    } finally {
      this.#pumping = false;
    }
    if (this.#next === this.#end) for (const done of this.#idle.splice(0)) done();
  }

  async #connect(): Promise<void> {
    if (this.#socket) return;
    const { host, port, tls } = this.#options;
    const socket = tls ? connectTls({ host, port, ...tls }) : connect({ host, port });
    socket.setKeepAlive(true);
    socket.unref();
    // What went wrong is told by the close that follows.
    socket.on("error", () => {});
    await new Promise<void>((resolve, reject) => {
      const stalled = setTimeout(() => socket.destroy(new Error("no answer to connecting")), STALLED_MS);
      stalled.unref();
      socket.once(tls ? "secureConnect" : "connect", () => {
        clearTimeout(stalled);
        resolve();
      });
      socket.once("close", () => {
        clearTimeout(stalled);
        reject(socket.errored ?? new Error("connection closed"));
      });
    });
    if (this.#closed) {
      socket.destroy();
      throw new Error("the sender was closed");
    }
    this.#socket = socket;
    this.#connectedAtMs = performance.now();
    this.#client = new GraphiteClient({ carbon: new CarbonClient({ socket }) });
    // Carbon sends nothing; reading is how the end of its side is noticed.
    socket.resume();
    socket.once("close", () => {
      this.#socket = undefined;
      this.#client = undefined;
      if (this.#closed) return;
      if (performance.now() - this.#connectedAtMs >= SETTLED_MS) this.#retryMs = FIRST_RETRY_MS;
      else this.#shaky = true;
      // What the peer may not have stored is to be sent once more.
      this.#trim();
      this.#next = this.#firstSequence;
      if (this.#next < this.#end) void this.#pump();
    });
  }

  /** Hands over the next points of one second. */
  async #writeSome(): Promise<void> {
    const socket = this.#socket;
    const client = this.#client;
    const from = this.#next - this.#firstSequence;
    const at = this.#entries[from]?.at;
    if (!socket || !client || at === undefined) return;
    const batch: Record<string, number> = {};
    let count = 0;
    for (let i = from; i < this.#entries.length && count < POINTS_PER_WRITE; i++) {
      const entry = this.#entries[i];
      // A second value for a path replaces the first: it must go after it.
      if (entry?.at !== at || Object.hasOwn(batch, entry.path)) break;
      batch[entry.path] = entry.value;
      count++;
    }
    const upTo = this.#next + count;
    await new Promise<void>((resolve, reject) => {
      const stalled = setTimeout(() => socket.destroy(new Error("carbon takes nothing")), STALLED_MS);
      stalled.unref();
      client.write(batch, at * 1000, (error) => {
        clearTimeout(stalled);
        if (error) reject(error);
        else resolve();
      });
    });
    // Broken meanwhile: everything of the repeat window is to be sent again.
    if (socket !== this.#socket) return;
    const now = performance.now();
    for (let s = Math.max(this.#next, this.#firstSequence); s < upTo; s++) {
      const entry = this.#entries[s - this.#firstSequence];
      if (entry) entry.sentAtMs = now;
    }
    this.#sent += count;
    this.#next = Math.max(this.#next, upTo);
  }

  async #pause(): Promise<void> {
    const ms = this.#retryMs * (0.5 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #say(state: "connected" | "away", reason: string): void {
    if ((state === "away") === this.#away) return;
    this.#away = state === "away";
    this.#options.onState?.(state, reason);
  }
}
