import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createAuthority } from "../../orchestrator/security/authority.ts";
import { gridharvest } from "../support/gridharvest.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { syslogLines } from "../support/parser-campaign.ts";
import { saveRevision } from "../support/saved-revision.ts";
import { startSecuredElasticsearch, type SecuredElasticsearch } from "../support/secured-elasticsearch.ts";

/** Every command that goes to somebody's cluster, over TLS with an authority that only that cluster has, as a user who has no more rights than README names. */
describeWith(["elasticsearch"], "a permanent cluster with TLS and users", () => {
  const dir = privateStateDir("permanent-cluster");
  const stateDir = join(dir, "state");
  const archive = join(dir, "archive");
  const snapshots = join(dir, "elasticsearch", "data", "snapshots");
  const file = (name: string): string => join(dir, name);
  const documents = new Map([
    ["first", 10],
    ["second", 20],
  ]);
  let elasticsearch: SecuredElasticsearch;
  let port: string;

  interface Result {
    readonly error?: { readonly code: string; readonly message: string };
  }
  const call = async (...words: string[]) => {
    const { code, out, err } = await gridharvest(...words, "--state-dir", stateDir, "--json");
    return { code, said: out + err, ...(JSON.parse(out) as Result) };
  };
  const access = (ca = "ca.pem", user = "operator.user"): string[] => ["--ca", file(ca), "--user-file", file(user)];
  const swapTo = (id: string, words = access(), url = elasticsearch.url) =>
    call("restore-into", url, id, "--repository-path", join(snapshots, id), "--replicas", "0", "--swap", ...words);
  const revisions = (words: string[], url = elasticsearch.url) => call("revisions", "2013-01", "--in", url, ...words);
  const compare = (words: string[], url = elasticsearch.url) => {
    const how = ["--compare-mappings", "--rounds", "1", "--sample-bytes", "1MiB", "--cluster", url];
    return call("plan", "--month", "2013-01", "--set", `archive.root=${archive}`, ...how, ...words);
  };

  beforeAll(async () => {
    const [authority, another] = [await createAuthority("the cluster's"), await createAuthority("another's")];
    const users = {
      operator: {
        password: "manages:and counts",
        role: {
          cluster: ["manage"],
          indices: [
            { names: ["logs-*"], privileges: ["all"] },
            { names: ["gh-compare-*"], privileges: ["all"] },
          ],
        },
      },
      reader: { password: "only-reads", role: { cluster: [], indices: [{ names: ["logs-*"], privileges: ["read"] }] } },
    };
    elasticsearch = await startSecuredElasticsearch(dir, authority, users, { "path.repo": [snapshots] });
    ({ port } = new URL(elasticsearch.url));
    mkdirSync(stateDir);
    let revision = 0;
    for (const [id, count] of documents) {
      revision += 1;
      const repository = join(snapshots, id);
      await saveRevision(elasticsearch.client, stateDir, id, { revision, documents: count, repository });
    }
    writeFileSync(file("ca.pem"), authority.certificate);
    writeFileSync(file("another.pem"), another.certificate);
    writeFileSync(file("nothing.pem"), "no certificate\n");
    for (const [name, { password }] of Object.entries(users)) {
      writeFileSync(file(`${name}.user`), `${name}:${password}\n`, { mode: 0o600 });
    }
    writeFileSync(file("stranger.user"), "operator:guessed\n", { mode: 0o600 });
    const path = join(archive, "hosts/2013/01/10.0.0.1/syslog");
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, syslogLines(1000, "syslog"));
  });
  afterAll(async () => {
    await elasticsearch.client.close();
    await elasticsearch.stop();
  });

  it("takes a month, swaps, lists and goes back", async () => {
    expect(await swapTo("first")).toMatchObject({ code: 0, verified: true, swapped: { revision: 1 } });
    expect(await swapTo("second")).toMatchObject({ code: 0, verified: true, swapped: { revision: 2, before: [1] } });
    const read = { revision: 2, documents: 20, read: true };
    expect(await revisions(access())).toMatchObject({ code: 0, standing: [{ revision: 1, read: false }, read] });
    expect(await revisions([...access(), "--rollback"])).toMatchObject({
      code: 0,
      swapped: { revision: 1, before: [2] },
    });
    expect(await elasticsearch.count("logs-2013.01")).toBe(10);
  });

  it("is one in which mappings are compared, and keeps nothing of it", async () => {
    const { code, said } = await compare(access());
    expect({ code, said }).toMatchObject({ code: 0 });
    expect(Object.keys(await elasticsearch.client.indices.get({ index: "gh-compare-*" }))).toEqual([]);
  });

  it.each([
    ["restore-into", (words: string[], url?: string) => swapTo("first", words, url)],
    ["revisions", revisions],
    ["plan --compare-mappings", compare],
  ])("is told nothing by %s before its certificate is trusted, and the remedy is named", async (_, command) => {
    const user = ["--user-file", file("operator.user")];
    const wrong = await command(access("another.pem"));
    expect(wrong).toMatchObject({ code: 2, error: { code: "CLUSTER_UNTRUSTED" } });
    expect(wrong.error?.message).toContain(
      `the authority in ${file("another.pem")} has not signed it; name the certificate (PEM) of the authority that has signed it with --ca`,
    );
    const none = await command(user);
    expect(none).toMatchObject({ code: 2, error: { code: "CLUSTER_UNTRUSTED" } });
    expect(none.error?.message).toMatch(
      /^the certificate of https:\/\/127\.0\.0\.1:\d+ is not trusted \(\w+\): name the certificate \(PEM\) of the authority/,
    );
    expect(await command(access("nothing.pem"))).toMatchObject({ code: 2, error: { code: "CLUSTER_UNTRUSTED" } });
    const otherName = await command(access(), `https://localhost:${port}`);
    expect(otherName).toMatchObject({ code: 2, error: { code: "CLUSTER_UNTRUSTED" } });
    expect(otherName.error?.message).toContain(
      "it is one of IP Address:127.0.0.1; write one of these into the address",
    );
  });

  it("refuses whoever it does not know or who may not, and the message says who and what", async () => {
    const stranger = await swapTo("first", access("ca.pem", "stranger.user"));
    expect(stranger).toMatchObject({ code: 1, error: { code: "ELASTICSEARCH_REFUSED" } });
    expect(stranger.error?.message).toContain("unable to authenticate user [operator]");
    const nobody = await swapTo("first", ["--ca", file("ca.pem")]);
    expect(nobody.error?.message).toContain("missing authentication credentials");
    const reader = await swapTo("first", access("ca.pem", "reader.user"));
    expect(reader).toMatchObject({ code: 1, error: { code: "ELASTICSEARCH_REFUSED" } });
    expect(reader.error?.message).toContain("[cluster:admin/repository/put] is unauthorized for user [reader]");
    for (const { said } of [stranger, nobody, reader]) expect(said).not.toMatch(/guessed|only-reads/);
    expect(await elasticsearch.count("logs-2013.01")).toBe(10);
  });
});
