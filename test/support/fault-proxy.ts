import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

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
  /** It is never answered. */
  | { readonly kind: "silence" };

/** An HTTP proxy on loopback in front of a real server, which fails as it is told. */
export interface FaultProxy {
  readonly url: string;
  /** Faults of the next requests, in order; those after pass. */
  readonly faults: Fault[];
  /** The bodies of the requests that came, in order. */
  readonly requests: Buffer[];
  /** How many of them the server has answered, whatever became of the answer. */
  readonly answers: number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: Fault[] = [];
  const requests: Buffer[] = [];
  let answers = 0;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await read(request);
    requests.push(body);
    const fault = faults.shift() ?? { kind: "pass" };
    if (fault.kind === "refuse") return void request.socket.destroy();
    if (fault.kind === "silence") return;
    if (fault.kind === "answer") {
      response.writeHead(fault.status, { "content-type": "application/json" }).end(fault.body);
      return;
    }
    if (fault.kind === "hold") await fault.until;
    const answer = await forward(target, request, body);
    answers += 1;
    if (fault.kind === "lose-answer") return void request.socket.destroy();
    const text = fault.kind === "rewrite" ? Buffer.from(fault.answer(answer.body.toString())) : answer.body;
    response.writeHead(answer.status, { "content-type": "application/json", "content-length": text.length });
    if (fault.kind === "cut-answer") response.write(text.subarray(0, text.length >> 1), () => request.socket.destroy());
    else response.end(text);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
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

function forward(target: string, from: IncomingMessage, body: Buffer): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": from.headers["content-type"], "content-length": body.length };
    const request = httpRequest(new URL(from.url ?? "/", target), { method: from.method, headers }, (response) => {
      read(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}
