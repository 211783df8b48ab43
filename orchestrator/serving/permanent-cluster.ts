import { readFile } from "node:fs/promises";
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

/** @throws ConfigError `USAGE` for an address that is none, or has credentials in it; `ARGUMENT_FILE` for a file that cannot be read */
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
  return new Client({
    node: address.href,
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(userFile === undefined ? {} : { auth: credentials(userFile, await read("--user-file", userFile)) }),
    // A cluster with much to do answers late.
    requestTimeout: 120_000,
  });
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
