import * as http from "node:http";
import * as https from "node:https";

/** An HTTP response, read to its end. */
export interface HttpReply {
  readonly status: number;
  /** The whole body; only its beginning when `enough` said so. */
  readonly text: string;
}

/** The connection could not be made: nothing of the request has left. */
export class UnsentError extends Error {}

/** HTTP as the sink needs it: kept connections, bodies as raw bytes. */
export interface HttpClient {
  /**
   * Sends and reads one request.
   *
   * @param enough is asked once, with the first bytes of a response of status 200; when true, the rest is read over and not kept
   * @throws UnsentError, or whatever else the connection throws: then the request may have been carried out or not
   */
  send(
    url: string,
    request: {
      readonly method: "GET" | "POST";
      readonly path: string;
      readonly body?: Uint8Array;
      readonly encoding?: "gzip";
    },
    signal: AbortSignal,
    enough?: (head: string) => boolean,
  ): Promise<HttpReply>;
  close(): void;
}

export interface HttpOptions {
  /** PEM of the authority that signed the nodes' certificates. */
  readonly authority?: string;
  readonly auth?: { readonly username: string; readonly password: string };
  /** A connection without a byte for this long is cut. */
  readonly silenceMs: number;
  /** One that is not made in this time is given up. */
  readonly connectMs: number;
}

/** No redirects, no retries, no compression of its own: what went wrong is for the caller to judge. */
export function createHttpClient(options: HttpOptions): HttpClient {
  const agents = {
    "http:": new http.Agent({ keepAlive: true }),
    "https:": new https.Agent({
      keepAlive: true,
      ...(options.authority === undefined ? {} : { ca: options.authority }),
    }),
  };
  const headers: http.OutgoingHttpHeaders = { "content-type": "application/x-ndjson", accept: "application/json" };
  if (options.auth) {
    const { username, password } = options.auth;
    headers["authorization"] = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }

  return {
    send(url, { method, path, body, encoding }, signal, enough) {
      return new Promise((resolve, reject) => {
        const target = new URL(path, url);
        const secure = target.protocol === "https:";
        const request = (secure ? https : http).request(target, {
          method,
          agent: secure ? agents["https:"] : agents["http:"],
          headers: {
            ...headers,
            "content-length": body?.length ?? 0,
            ...(encoding === undefined ? {} : { "content-encoding": encoding }),
          },
          signal,
          timeout: options.silenceMs,
        });
        request.on("timeout", () => {
          request.destroy(new Error(`no answer for ${options.silenceMs / 1000} s`));
        });
        let hasLeft = false;
        request.on("socket", (socket) => {
          if (!socket.connecting) {
            hasLeft = true;
            return;
          }
          const late = setTimeout(() => {
            request.destroy(new Error(`no connection for ${options.connectMs / 1000} s`));
          }, options.connectMs);
          request.once("close", () => clearTimeout(late));
          socket.once(secure ? "secureConnect" : "connect", () => {
            hasLeft = true;
            clearTimeout(late);
          });
        });
        request.on("error", (error) => {
          reject(hasLeft ? error : new UnsentError(error.message, { cause: error }));
        });
        request.on("response", (response) => {
          const status = response.statusCode ?? 0;
          const parts: Buffer[] = [];
          let skip = false;
          response.on("data", (part: Buffer) => {
            if (skip) return;
            parts.push(part);
            if (parts.length === 1 && status === 200) skip = enough?.(part.toString("latin1", 0, 200)) ?? false;
          });
          response.on("error", reject);
          // A connection that breaks off inside the response ends it too.
          response.on("close", () => {
            if (response.complete) resolve({ status, text: Buffer.concat(parts).toString("utf8") });
            else reject(new Error("the connection was cut inside the response"));
          });
        });
        request.end(body);
      });
    },
    close() {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}
