import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How it answers every request just now. */
export type StoreMood = "well" | 429 | 503 | "silent";

/** The HTTP side of a store that keeps only what documents were sent, and answers as it is told. No Elasticsearch. */
export interface StandInStore {
  readonly url: string;
  mood: StoreMood;
  /** Whether bulks are carried out, and their connections cut in place of an answer. */
  losesBulks: boolean;
  /** Bulks that it got in a mood. */
  bulks(mood: StoreMood): number;
  /** Requests that were no bulks. */
  readonly looks: number;
  /** Bytes of bulks without an answer, and the most that there were. */
  readonly openBytes: number;
  readonly mostOpenBytes: number;
  /** `file offset` → how many documents of it are there, of the attempts with these tags; of all when undefined. */
  documents(tags?: ReadonlySet<string>): ReadonlyMap<string, number>;
  /** Cuts the connections of what was never answered. */
  cut(): void;
  close(): Promise<void>;
}

interface Document {
  readonly file: string;
  readonly offset: number;
  readonly "@attempt"?: string;
}

export async function startStandInStore(): Promise<StandInStore> {
  const stored: Document[] = [];
  const ids = new Set<string>();
  const bulks = new Map<StoreMood, number>();
  const unanswered = new Set<IncomingMessage>();
  let looks = 0;
  let openBytes = 0;
  let mostOpenBytes = 0;

  /** What has an id is there once. */
  const keep = (body: string): void => {
    const lines = body.split("\n");
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const action = JSON.parse(lines[i]!) as { create: { _id?: string; _index: string } };
      const id = action.create._id;
      if (id !== undefined && ids.has(id)) continue;
      if (id !== undefined) ids.add(id);
      stored.push(JSON.parse(lines[i + 1]!) as Document);
    }
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    openBytes += body.length;
    mostOpenBytes = Math.max(mostOpenBytes, openBytes);
    response.once("close", () => {
      openBytes -= body.length;
      unanswered.delete(request);
    });
    const { mood } = store;
    if (body.length > 0) bulks.set(mood, (bulks.get(mood) ?? 0) + 1);
    else looks += 1;
    if (mood === "silent") {
      unanswered.add(request);
      return;
    }
    if (mood === "well") keep(body.toString());
    if (store.losesBulks && body.length > 0) return void request.socket.destroy();
    const error = { type: mood === 429 ? "es_rejected_execution_exception" : "unavailable", reason: "as it was told" };
    const text = JSON.stringify(mood === "well" ? { errors: false, took: 1 } : { error });
    response.writeHead(mood === "well" ? 200 : mood, { "content-type": "application/json" }).end(text);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const store: StandInStore = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    mood: "well",
    losesBulks: false,
    bulks: (mood) => bulks.get(mood) ?? 0,
    get looks() {
      return looks;
    },
    get openBytes() {
      return openBytes;
    },
    get mostOpenBytes() {
      return mostOpenBytes;
    },
    documents(tags) {
      const found = new Map<string, number>();
      for (const { file, offset, "@attempt": tag = "" } of stored) {
        if (tags && !tags.has(tag)) continue;
        const key = `${file} ${String(offset)}`;
        found.set(key, (found.get(key) ?? 0) + 1);
      }
      return found;
    },
    cut() {
      for (const request of unanswered) request.socket.destroy();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return store;
}
