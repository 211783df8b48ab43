import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  certify,
  createCampaignSecrets,
  destroySecrets,
  loadCampaignSecrets,
  loadGatewaySecrets,
  MASTER_NAME,
  orchestratorConnection,
  operatorConnection,
  verifyJoin,
  writeJobSecrets,
  type CampaignSecrets,
} from "../../../../orchestrator/security/index.ts";
import { joinMac } from "../../../../worker/contract/join-mac.ts";
import { nodeSecretsSchema, type NodeSecrets } from "../../../../worker/contract/node.ts";
import { createKeyPair, createSigningRequest } from "../../../../worker/contract/private-key.ts";

const options = { campaign: "2013-01-t", gatewayAddresses: ["10.1.2.3"], indices: ["logs-*"] };
let parent: string;
let dir: string;
let secrets: CampaignSecrets;

beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), "gridharvest-security-"));
  dir = join(parent, "campaign", "secrets");
  secrets = await createCampaignSecrets(dir, options);
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

async function jobSecrets(jobName: string, role: "es-data" | "parser"): Promise<NodeSecrets> {
  const file = await writeJobSecrets(secrets, { jobName, role });
  return nodeSecretsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
}

describe("the secrets of a campaign", () => {
  it("stand in a directory and files that only their owner can read", async () => {
    await jobSecrets("gh-abcde-d1", "es-data");
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    const files = readdirSync(dir);
    expect(files).toEqual(
      expect.arrayContaining(["campaign.json", "gateway.json", "gh-abcde-d1.json", "operator.key"]),
    );
    for (const file of files) expect([file, statSync(join(dir, file)).mode & 0o777]).toEqual([file, 0o600]);
  });

  it("are the same when they are made again or loaded", async () => {
    expect(await createCampaignSecrets(dir, options)).toEqual(secrets);
    expect(await loadCampaignSecrets(dir)).toEqual(secrets);
  });

  it("come whole or not at all: what an interrupted creation left is no obstacle, and goes with them", async () => {
    const other = join(parent, "interrupted");
    await createCampaignSecrets(`${other}.tmp-abc`, options);
    const made = await createCampaignSecrets(other, options);
    expect(await loadCampaignSecrets(other)).toEqual(made);
    await destroySecrets(other);
    expect(readdirSync(parent).filter((name) => name.startsWith("interrupted"))).toEqual([]);
  });

  it("are the same for all who make them at once", async () => {
    const other = join(parent, "raced");
    const made = await Promise.all([1, 2, 3, 4].map(() => createCampaignSecrets(other, options)));
    const kept = await loadCampaignSecrets(other);
    for (const secrets of made) expect(secrets).toEqual(kept);
    expect(readdirSync(parent).filter((name) => name.startsWith("raced"))).toEqual(["raced"]);
  });

  it("can be destroyed any number of times, and loading says what that means", async () => {
    const other = join(parent, "gone");
    await createCampaignSecrets(other, options);
    await destroySecrets(other);
    await destroySecrets(other);
    await expect(loadCampaignSecrets(other)).rejects.toMatchObject({ code: "SECRETS_MISSING" });
  });

  it("give the gateway no authority's key", async () => {
    const text = JSON.stringify(await loadGatewaySecrets(dir));
    for (const authority of Object.values(secrets.authorities))
      expect(text).not.toContain(JSON.stringify(authority.key));
  });

  it("give a parser no file realm and a data node no loader's password", async () => {
    const parser = await jobSecrets("gh-abcde-p9", "parser");
    const data = await jobSecrets("gh-abcde-d9", "es-data");
    expect(parser.realm).toBeUndefined();
    expect(parser.loader?.username).toBe("gh-loader");
    expect(data.loader).toBeUndefined();
    expect(data.realm?.usersRoles).toContain("gh_loader:gh-loader");
    expect(data.realm?.roles.match(/names: .*/g)).toEqual(['names: ["logs-*"]', 'names: ["logs-*"]']);
    expect(JSON.stringify(data)).not.toContain(secrets.users.loader.password);
    expect(parser.redis.username).toBe("gh-2013-01-t-parser");
  });

  it("keep a job's token when its file is asked for again", async () => {
    const first = await jobSecrets("gh-abcde-p2", "parser");
    expect(await jobSecrets("gh-abcde-p2", "parser")).toEqual(first);
  });

  it("refuse job names that would leave the directory", async () => {
    await expect(writeJobSecrets(secrets, { jobName: "../../x", role: "parser" })).rejects.toMatchObject({
      code: "JOB_NAME_BAD",
    });
  });

  it("connect the orchestrator with all rights and operators with reading ones", () => {
    const url = "https://10.1.2.3:9";
    expect(orchestratorConnection(secrets, url)).toMatchObject({ node: url, auth: { username: "gh-admin" } });
    expect(operatorConnection(secrets, url)).toMatchObject({ node: url, auth: { username: "gh-reader" } });
  });
});

describe("the authorities", () => {
  it("are three, of which each verifies its own certificates only", async () => {
    const gateway = await loadGatewaySecrets(dir);
    const authorities = Object.entries(secrets.authorities).map(
      ([name, { certificate }]) => [name, new X509Certificate(certificate)] as const,
    );
    const issuedBy = (pem: string) =>
      authorities.filter(([, ca]) => new X509Certificate(pem).verify(ca.publicKey)).map(([name]) => name);
    expect(issuedBy(gateway.masterTransport.certificate)).toEqual(["transport"]);
    expect(issuedBy(gateway.masterHttp.certificate)).toEqual(["http"]);
    expect(issuedBy(gateway.proxy.certificate)).toEqual(["http"]);
    expect(issuedBy(secrets.operatorClient.certificate)).toEqual(["proxyClients"]);
  });

  it("sign for some weeks from now, with different serials", async () => {
    const gateway = await loadGatewaySecrets(dir);
    const all = [gateway.proxy, gateway.masterHttp, gateway.masterTransport, secrets.joiningClient].map(
      ({ certificate }) => new X509Certificate(certificate),
    );
    for (const { validFrom, validTo } of all) {
      expect(Date.parse(validFrom)).toBeLessThan(Date.now());
      const days = (Date.parse(validTo) - Date.now()) / 86_400_000;
      expect(days).toBeGreaterThan(20);
      expect(days).toBeLessThan(70);
    }
    expect(new Set(all.map(({ serialNumber }) => serialNumber)).size).toBe(all.length);
  });

  it("name the gateway by its addresses, and the master by a name of its own", async () => {
    const gateway = await loadGatewaySecrets(dir);
    const proxy = new X509Certificate(gateway.proxy.certificate);
    expect(proxy.checkIP("10.1.2.3")).toBe("10.1.2.3");
    expect(proxy.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(proxy.checkHost(MASTER_NAME)).toBeUndefined();
    expect(new X509Certificate(gateway.masterHttp.certificate).checkHost(MASTER_NAME)).toBe(MASTER_NAME);
  });
});

describe("certifying a job", () => {
  it("binds a data node's certificates to the leased address and the job's name", async () => {
    const pair = await createKeyPair();
    const csr = await createSigningRequest(pair, "somebody-else");
    const issued = await certify(secrets, { role: "es-data", jobName: "gh-abcde-d1", address: "127.0.1.7", csr });
    for (const pem of [issued.http?.certificate ?? "", issued.transport?.certificate ?? ""]) {
      const certificate = new X509Certificate(pem);
      expect(certificate.subjectAltName).toBe("IP Address:127.0.1.7");
      expect(certificate.subject).toBe("CN=gh-abcde-d1\nOU=es-data");
      expect(certificate.ca).toBe(false);
    }
    expect(new X509Certificate(issued.proxyClient).subject).toBe("CN=gh-abcde-d1\nOU=node");
    expect(issued.http?.authority).toBe(secrets.authorities.http.certificate);
    expect(issued.transport?.authority).toBe(secrets.authorities.transport.certificate);
  });

  it("gives a parser a certificate for the proxy alone", async () => {
    const csr = await createSigningRequest(await createKeyPair(), "gh-abcde-p1");
    const issued = await certify(secrets, { role: "parser", jobName: "gh-abcde-p1", address: "127.0.1.7", csr });
    expect(Object.keys(issued)).toEqual(["proxyClient"]);
  });

  it.each([
    ["nonsense", async () => "no request at all"],
    [
      "a request whose signature is not that of its key",
      async () => {
        const csr = await createSigningRequest(await createKeyPair(), "gh-abcde-d1");
        const der = Buffer.from(csr.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
        // A bit of the common name, which the signature covers.
        const at = der.indexOf("gh-abcde");
        der[at] = (der[at] ?? 0) ^ 1;
        return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
      },
    ],
  ])("refuses %s", async (_name, make) => {
    const job = { role: "es-data", jobName: "gh-abcde-d1", address: "127.0.1.7", csr: await make() } as const;
    await expect(certify(secrets, job)).rejects.toMatchObject({ code: "CSR_REFUSED" });
  });

  it("refuses what is no address", async () => {
    const csr = await createSigningRequest(await createKeyPair(), "gh-abcde-d1");
    const job = { role: "es-data", jobName: "gh-abcde-d1", address: "node7.example", csr } as const;
    await expect(certify(secrets, job)).rejects.toMatchObject({ code: "CSR_REFUSED" });
  });
});

describe("a join request", () => {
  it("counts only with the token of the job that it names", async () => {
    const mine = await jobSecrets("gh-abcde-p4", "parser");
    const others = await jobSecrets("gh-abcde-p5", "parser");
    const request = { jobName: "gh-abcde-p4", instance: "i1", jobId: "1", addresses: ["10.0.0.1"], csr: "csr" };
    const good = joinMac(mine.joinToken, request);
    expect(await verifyJoin(secrets, { ...request, mac: good })).toBe(true);
    for (const change of [
      { csr: "another" },
      { instance: "i2" },
      { jobId: "2" },
      { addresses: ["10.0.0.1", "10.0.0.2"] },
    ]) {
      expect(await verifyJoin(secrets, { ...request, ...change, mac: good })).toBe(false);
    }
    expect(await verifyJoin(secrets, { ...request, mac: joinMac(others.joinToken, request) })).toBe(false);
    expect(await verifyJoin(secrets, { ...request, mac: "" })).toBe(false);
  });

  it("of an unknown job, or with a name that is a path, is refused", async () => {
    for (const jobName of ["gh-abcde-p77", "../campaign", "campaign"]) {
      expect(
        await verifyJoin(secrets, { jobName, instance: "i", jobId: "1", addresses: [], csr: "c", mac: "00" }),
      ).toBe(false);
    }
  });
});
