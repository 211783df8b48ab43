import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeWith, privateStateDir } from "../support/index.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";
import { startSshServer, type SshServer } from "../support/ssh-server.ts";

describeWith(
  ["redis", "elasticsearch", "haproxy", "carbon", "7z", "sshd"],
  "a campaign whose nodes see other files",
  () => {
    const dir = privateStateDir("ssh-campaign");
    const stagingDir = join(dir, "nodes");
    let site: TestSite;
    let server: SshServer;
    beforeAll(async () => {
      site = await makeSite(dir);
      server = await startSshServer({ dir: join(dir, "sshd") });
    }, 120_000);
    afterEach(async () => {
      await site.endAll();
    }, 120_000);
    afterAll(async () => {
      await site.down();
      await server.stop();
    }, 60_000);

    it("gets programs, scripts and secrets to them over ssh, and loses nothing when the connection is cut", async () => {
      const settings = Object.entries({
        kind: "ssh",
        host: server.address,
        port: server.port,
        identityFile: server.identityFile,
        hostKey: server.hostKey,
        files: "sftp",
        stagingDir,
      }).map(([key, value]) => `batch.access.${key}=${String(value)}`);
      const id = await site.launch("over-ssh", settings);
      await site.until(id, "running");

      const own = join(stagingDir, "campaigns", id);
      const jobs = readdirSync(join(own, "jobs"));
      expect(jobs).toHaveLength(2);
      for (const job of jobs) {
        expect(statSync(join(own, "secrets", `${job}.json`)).mode & 0o777).toBe(0o600);
        const script = readFileSync(join(own, "jobs", job, "job.pbs"), "utf8");
        expect(script).toContain(join(stagingDir, "programs", "programs-"));
        expect(script).toContain(join(stagingDir, "programs", "node-"));
        const node = readFileSync(join(own, "jobs", job, "node.json"), "utf8");
        expect(node).toContain(join(own, "secrets", `${job}.json`));
      }
      // Nothing of a job stands where the nodes would not see it.
      expect(readdirSync(join(site.stateDir, "campaigns", id, "jobs"))).toEqual([]);

      const done = (await site.status(id)).chunks.done;
      server.dropConnections();
      const logins = server.logins();
      await site.untilChunks(id, done + 1);
      expect((await site.call("scale", id, "--parsers", "2")).code).toBe(0);
      await site.conclude(id);
      expect(server.logins()).toBeGreaterThan(logins);
      expect(existsSync(join(own, "secrets"))).toBe(false);
      expect(readdirSync(join(own, "jobs")).length).toBeGreaterThanOrEqual(2);
    });
  },
);
