import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";

/**
 * Run as a program, with `[{address, port}]` on stdin: prints what each answers to a connection from where it runs, as
 * a list of `Answer`. See `reachability.ts`.
 */

export interface Target {
  readonly address: string;
  readonly port: number;
}

/**
 * `unreachable`: there is no route. `refused`: nobody listens there. `silence`: packets are swallowed. The rest are open: what they
 * want of a client.
 */
export type Answer = "unreachable" | "refused" | "silence" | "plain" | "TLS" | "TLS with a client certificate";

const PATIENCE_MS = 2_000;

/** The last: there is no IPv6 here. */
const UNREACHABLE: ReadonlySet<string | undefined> = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL"]);

/** Whether a connection comes about at all. */
function tryConnect({ address, port }: Target): Promise<"open" | Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: PATIENCE_MS });
    const end = (answer: "open" | Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end("open"));
    socket.once("timeout", () => end("silence"));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") end("refused");
      // Somebody took it and dropped it.
      else if (error.code === "ECONNRESET") end("open");
      else if (UNREACHABLE.has(error.code)) end("unreachable");
      else if (error.code === "ETIMEDOUT") end("silence");
      else reject(error);
    });
  });
}

/**
 * Speaks TLS without a certificate to an open port. With TLS 1.3 a server says that it wants one only after the handshake, to the first read.
 * @source RFC 8446 4.4.2.4 and 6.2: certificate_required; TLS 1.2 servers send handshake_failure or bad_certificate
 */
function tryTls({ address, port }: Target): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: address, port, rejectUnauthorized: false, timeout: PATIENCE_MS });
    let secure = false;
    const end = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("secureConnect", () => {
      secure = true;
      socket.write("GET / HTTP/1.0\r\n\r\n");
    });
    socket.once("data", () => end("TLS"));
    socket.once("close", () => end(secure ? "TLS" : "plain"));
    socket.once("timeout", () => end(secure ? "TLS" : "plain"));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const wantsCertificate = /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE)/.test(error.code ?? "");
      end(wantsCertificate ? "TLS with a client certificate" : secure ? "TLS" : "plain");
    });
  });
}

async function probe(target: Target): Promise<Answer> {
  const answer = await tryConnect(target);
  return answer === "open" ? tryTls(target) : answer;
}

if (import.meta.main) {
  const targets = JSON.parse(await text(process.stdin)) as readonly Target[];
  process.stdout.write(JSON.stringify(await Promise.all(targets.map(probe))));
}
