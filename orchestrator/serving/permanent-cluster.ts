import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { Client } from "@elastic/elasticsearch";
import { ConfigError } from "../../worker/contract/errors.ts";

/** How to reach a cluster that is not a campaign's. Credentials come from a file: arguments can be read by everybody on the machine. */
export interface ClusterAddress {
  readonly url: string;
  /** File with `user:password`. */
  readonly userFile?: string | undefined;
  /** PEM file of the authority that signed the cluster's certificate. */
  readonly caFile?: string | undefined;
}

/**
 * @throws ConfigError `USAGE` for an address that is none, or has credentials in it; `ARGUMENT_FILE` for a file that cannot be read;
 * `CLUSTER_UNTRUSTED` for a certificate that is not to be trusted
 */
export async function connectTo({ url, userFile, caFile }: ClusterAddress): Promise<Client> {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (!address || !/^https?:$/.test(address.protocol)) {
    throw new ConfigError(
      "USAGE",
      `${JSON.stringify(url)} is no address of a cluster; write for example https://elastic.example.org:9200`,
    );
  }
  if (address.username !== "" || address.password !== "") {
    // Said without the address: it holds a password.
    throw new ConfigError(
      "USAGE",
      "write no user or password into the address; put user:password into a file and name it with --user-file",
    );
  }
  const ca = caFile === undefined ? undefined : await read("--ca", caFile);
  const auth = userFile === undefined ? undefined : credentials(userFile, await read("--user-file", userFile));
  if (address.protocol === "https:") await checkCertificate(address, ca, caFile);
  return new Client({
    node: address.href,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(auth ? { auth } : {}),
    // A cluster with much to do answers late.
    requestTimeout: 120_000,
  });
}

/** Whoever does not answer by then is left to the first request, which says what became of it. */
const LOOK_MS = 10_000;

/**
 * Looks at the certificate before anything is asked for, since the client says of one that is refused neither whose it is nor what to do.
 * @source Node.js manual, `tls.TLSSocket`: `authorizationError`; OpenSSL manual, X509_STORE_CTX_get_error(3)
 */
async function checkCertificate(address: URL, ca: string | undefined, caFile: string | undefined): Promise<void> {
  const host = address.hostname.replace(/^\[|\]$/g, "");
  const port = address.port === "" ? 443 : Number(address.port);
  const names = isIP(host) === 0 ? { servername: host } : {};
  const refused = await new Promise<{ readonly why: string; readonly names: string } | undefined>((resolve) => {
    const socket = connect({ host, port, ...names, ...(ca === undefined ? {} : { ca }), rejectUnauthorized: false });
    const end = (found?: { readonly why: string; readonly names: string }): void => {
      socket.destroy();
      resolve(found);
    };
    socket.once("secureConnect", () => {
      if (socket.authorized) end();
      else
        end({ why: String(socket.authorizationError), names: socket.getPeerCertificate().subjectaltname ?? "nobody" });
    });
    socket.once("error", () => end()).setTimeout(LOOK_MS, () => end());
  });
  if (refused === undefined) return;
  const { why } = refused;
  const remedy =
    why === "ERR_TLS_CERT_ALTNAME_INVALID"
      ? `it is one of ${refused.names}; write one of these into the address`
      : /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(why)
        ? "let it be renewed; or this machine's clock is wrong"
        : `${caFile === undefined ? "name" : `the authority in ${caFile} has not signed it; name`} the certificate (PEM) of the authority that has signed it with --ca`;
  throw new ConfigError("CLUSTER_UNTRUSTED", `the certificate of ${address.origin} is not trusted (${why}): ${remedy}`);
}

async function read(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ConfigError("ARGUMENT_FILE", `${option} ${file} cannot be read`, { cause, context: { file } });
  }
}

function credentials(file: string, text: string): { username: string; password: string } {
  const line = text.replace(/\r?\n$/, "");
  const colon = line.indexOf(":");
  if (colon < 1 || line.includes("\n")) {
    throw new ConfigError("ARGUMENT_FILE", `--user-file ${file}: write one line, user:password`, { context: { file } });
  }
  return { username: line.slice(0, colon), password: line.slice(colon + 1) };
}
