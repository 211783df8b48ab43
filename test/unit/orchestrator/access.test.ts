import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessOf, writeAccess } from "../../../orchestrator/access.ts";
import { campaignPaths } from "../../../orchestrator/paths.ts";
import {
  createCampaignSecrets,
  loadGatewaySecrets,
  type CampaignSecrets,
} from "../../../orchestrator/security/index.ts";
import { describeWith } from "../../support/index.ts";

const run = promisify(execFile);

describeWith(["curl"], "an operator's access with curl", () => {
  // The quote and the backslash are what curl's own files have to escape.
  const parent = mkdtempSync(join(tmpdir(), 'gh access "\\'));
  const paths = campaignPaths(parent, "c");
  let secrets: CampaignSecrets;
  let server: Server;
  let asked: { readonly authorization: string | undefined; readonly authorized: boolean } | undefined;
  beforeAll(async () => {
    mkdirSync(paths.dir);
    const options = { campaign: "c", gatewayAddresses: ["127.0.0.1"], indices: ["logs-*"] };
    secrets = await createCampaignSecrets(paths.secrets, options);
    const { proxy, proxyClientAuthority } = await loadGatewaySecrets(paths.secrets);
    server = createServer(
      { cert: proxy.certificate, key: proxy.key, ca: proxyClientAuthority, requestCert: true },
      (request, response) => {
        asked = {
          authorization: request.headers.authorization,
          authorized: (request.socket as TLSSocket).authorized,
        };
        response.end("{}");
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(parent, { recursive: true, force: true });
  });

  it("takes one file, which only its owner can read, and shows the password in no argument", async () => {
    const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const access = await writeAccess(paths, secrets, url);
    expect(await accessOf(paths)).toEqual(access);
    expect(statSync(access.curlConfig).mode & 0o777).toBe(0o600);
    const { stdout } = await run("curl", ["--silent", "--show-error", "-K", access.curlConfig, `${url}/_search`]);
    expect(stdout).toBe("{}");
    const { username, password } = secrets.users.reader;
    expect(asked).toEqual({
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      authorized: true,
    });
  });
});
