import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What happens to one request that passes the proxy. */
export type Fault =
  /** It passes. */
  | { readonly kind: "pass" }
  /** It is carried out, and the connection is cut before the answer comes back. */
  | { readonly kind: "lose-answer" }
  /** The answer is cut in its middle. */
  | { readonly kind: "cut-answer" }
  /** The connection is cut before anything is carried out. */
  | { readonly kind: "refuse" }
  /** It is answered by the proxy itself. */
  | { readonly kind: "answer"; readonly status: number; readonly body: string }
  /** It is carried out, and the answer's body is changed. */
  | { readonly kind: "rewrite"; readonly answer: (body: string) => string }
  /** It is carried out when that resolves. */
  | { readonly kind: "hold"; readonly until: Promise<void> }
  /** It is not carried out, and never answered; somebody may be told that it has come. */
  | { readonly kind: "silence"; readonly tell?: () => void }
  /** It passes after so long. */
  | { readonly kind: "delay"; readonly millis: number }
  /** Its first half is passed on, then both connections are cut. */
  | { readonly kind: "cut-request" }
  /** It is carried out, and the connection is reset in place of an answer. */
  | { readonly kind: "reset" }
  /** It passes, and somebody is told when it has come so far. */
  | { readonly kind: "tell"; readonly when: Stage; readonly tell: () => void };

/** How far a request has come: it is there as a whole; it was carried out; half of its answer, or all of it, went back. */
export const STAGES = ["arrived", "carried out", "half answered", "answered"] as const;
export type Stage = (typeof STAGES)[number];

/** An HTTP proxy on loopback in front of a real server, which fails as it is told. */
export interface FaultProxy {
  readonly url: string;
  /** Faults of the next bulks, in order; those after pass, and so does whatever only looks. */
  readonly faults: Fault[];
  /** The bodies of the bulks that came, in order. */
  readonly requests: Buffer[];
  /** Method and path of each, e.g. `POST /_bulk`. */
  readonly asked: string[];
  /** How many of them the server has answered, whatever became of the answer. */
  readonly answers: number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: Fault[] = [];
  const requests: Buffer[] = [];
  const asked: string[] = [];
  let answers = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await read(request);
    const isLook = request.method === "GET";
    if (!isLook) {
      requests.push(body);
      asked.push(`${request.method ?? ""} ${(request.url ?? "").replace(/\?.*/, "")}`);
    }
    const fault = (isLook ? undefined : faults.shift()) ?? { kind: "pass" };
    if (fault.kind === "refuse") return void request.socket.destroy();
    if (fault.kind === "silence") return fault.tell?.();
    if (fault.kind === "answer") {
      response.writeHead(fault.status, { "content-type": "application/json" }).end(fault.body);
      return;
    }
    const reached = (stage: Stage): void => {
      if (fault.kind === "tell" && fault.when === stage) fault.tell();
    };
    if (fault.kind === "hold") await fault.until;
    if (fault.kind === "delay") await sleep(fault.millis);
    if (fault.kind === "cut-request") {
      await forwardHalf(target, request, body);
      return void request.socket.destroy();
    }
    reached("arrived");
    const answer = await forward(target, request, body);
    answers += 1;
    reached("carried out");
    if (fault.kind === "lose-answer") return void request.socket.destroy();
    if (fault.kind === "reset") return void request.socket.resetAndDestroy();
    const text = fault.kind === "rewrite" ? Buffer.from(fault.answer(answer.body.toString())) : answer.body;
    response.writeHead(answer.status, { ...answer.headers, "content-length": text.length });
    if (fault.kind !== "cut-answer" && !(fault.kind === "tell" && fault.when === "half answered")) {
      return void response.end(text, () => reached("answered"));
    }
    const half = text.length >> 1;
    await new Promise<void>((resolve) => void response.write(text.subarray(0, half), () => resolve()));
    reached("half answered");
    if (fault.kind === "cut-answer") request.socket.destroy();
    else response.end(text.subarray(half));
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    asked,
    get answers() {
      return answers;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

function forward(target: string, from: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(...sameRequest(target, from, body), (response) => {
      const headers = named(response, "content-type", "x-elastic-product");
      read(response).then((text) => resolve({ status: response.statusCode ?? 0, headers, body: text }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Resolves when the connection is cut: the server has all of that half, and may have begun with it. */
function forwardHalf(target: string, from: IncomingMessage, body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const request = httpRequest(...sameRequest(target, from, body));
    request.on("error", () => undefined).on("close", resolve);
    request.write(body.subarray(0, body.length >> 1), () => request.destroy());
  });
}

function sameRequest(target: string, from: IncomingMessage, body: Buffer): [URL, RequestOptions] {
  const headers = { ...named(from, "accept", "content-type", "content-encoding"), "content-length": body.length };
  return [new URL(from.url ?? "/", target), { method: from.method ?? "GET", headers }];
}

/** Those of the headers that are there. */
function named({ headers }: IncomingMessage, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}
