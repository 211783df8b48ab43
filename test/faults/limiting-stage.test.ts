import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statePaths } from "../../orchestrator/paths.ts";
import { readRecord } from "../../orchestrator/services/record.ts";
import type { CampaignStatus } from "../../orchestrator/status.ts";
import { campaignKeys, type NodeRole } from "../../worker/contract/keys.ts";
import { nodeRegistrationSchema, type NodeRegistration } from "../../worker/contract/node.ts";
import { processTree } from "../../worker/contract/process-tree.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";
import { cpuGroup, readGroup, removeGroups, type ControlGroup } from "../support/control-group.ts";
import { EVERY_FAULT } from "../support/every-fault.ts";
import { mountImageDisk, type ImageDisk } from "../support/image-disk.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";

const PREFIX = "gridharvest-limiting-";
const GROUPS = `${PREFIX}${String(process.pid)}-`;
const ID = "limited";
/** So many looks of the orchestrator in a row must name a stage. */
const LOOKS = 3;
const SMALL_LINES = 100;
const PATIENCE = { timeoutMs: 180_000, everyMs: 250 };

/** A suite that is not wanted makes no directory. */
const whenAsked: typeof describeWith = EVERY_FAULT
  ? describeWith
  : (_needs, name) =>
      describe(name, () => it.skip("waits for GRIDHARVEST_FAULTS=all, which `npm run test:faults` sets"));

/**
 * One load, of which one part after another is really slow: the kernel keeps its processes from the processors, or from the bytes of the disk that
 * the archive stands on. The archive is many small plain files, of which the store gets little at a time for what each costs the spool, and a large 7z,
 * whose staging space has room for a few chunks: so there are always chunks that wait, and a file to be unpacked, until
 * unpacking itself is what is slow. Only when all faults are asked for: whatever else the machine does is seen too.
 */
whenAsked(
  ["redis", "elasticsearch", "haproxy", "carbon", "7z", "processor limits", "reading limits"],
  "the stage that holds a load up",
  () => {
    const dir = privateStateDir("limiting");
    let disk: ImageDisk | undefined;
    let site: TestSite | undefined;
    let nodes: readonly NodeRegistration[] = [];

    beforeAll(async () => {
      removeGroups(PREFIX);
      disk = mountImageDisk(join(dir, "disk.img"), join(dir, "disk"), 2 ** 29);
      if (!disk) throw new Error("no disk could be mounted");
      site = await makeSite(dir, {
        lines: 360_000,
        archive: join(disk.dir, "archive"),
        settings: {
          limits: { eventsPerSecond: 0 },
          staging: { limit: "1MiB" },
          // A Redis that is slow loses no locks.
          parsers: { lock: "30s" },
        },
      });
      pack(join(site.archive, "hosts"));
      await site.launch(ID);
      // The plan has looked into the files: parsers are to read them from the disk.
      disk.forget();
      await site.until(ID, "running");
      nodes = await registered(site);
    }, 600_000);
    afterAll(async () => {
      await site?.endAll();
      await site?.down();
      disk?.remove();
      removeGroups(GROUPS);
    }, 180_000);

    const theSite = (): TestSite => site!;
    const processesOf = (role: NodeRole): readonly number[] => {
      const node = nodes.find((one) => one.role === role);
      return node ? processTree(node.pid).map(({ pid }) => pid) : [];
    };

    it("is a slow archive", async () => {
      const slow = readGroup(`${GROUPS}archive`, disk?.device ?? "", 100_000);
      const { busy } = await namedWith(theSite(), slow, processesOf("parser"), /^archive$/, /^parsers wait for bytes/);
      expect(busy.archive).toBeGreaterThan(busy.requests);
    });

    it("is a spool that gives its chunks slowly", async () => {
      const server = readRecord(statePaths(theSite().stateDir).services).redis?.process;
      const slow = cpuGroup(`${GROUPS}spool`, 0.005);
      const why = /[1-9]\d* chunks wait/;
      const { busy } = await namedWith(theSite(), slow, server ? [server.pid] : [], /^spool$/, why);
      expect(busy.spool).toBeGreaterThan(busy.parse);
    });

    it("is a slow parser", async () => {
      const slow = cpuGroup(`${GROUPS}parse`, 0.1);
      // Which of its threads lacks the processor most depends on how small the files are.
      const why = /^the (pipelines'|parsers' main) threads are busy/;
      const { busy, advice } = await namedWith(theSite(), slow, processesOf("parser"), /^(parse|serialise)$/, why);
      expect(Math.max(busy.parse, busy.serialise)).toBeGreaterThan(busy.requests);
      expect(advice).toBe("parsers");
    });

    it("is a slow store", async () => {
      const slow = cpuGroup(`${GROUPS}store`, 0.2);
      const why = /^a data node uses \d+ % of the 0.2 cores that its control group lets it use/;
      const { busy, advice } = await namedWith(theSite(), slow, processesOf("es-data"), /^store CPU$/, why);
      expect(busy["store CPU"]).toBeGreaterThan(0.5);
      expect(busy.requests).toBeGreaterThan(busy.parse);
      expect(advice).toBe("data nodes");
    });

    const sevenZip = (): readonly number[] => {
      const found = processesOf("parser").filter((pid) => nameOf(pid).startsWith("7z"));
      expect(found).not.toEqual([]);
      return found;
    };

    it("is a slow archive when unpacking waits for it", async () => {
      const slow = readGroup(`${GROUPS}packed`, disk?.device ?? "", 4_000);
      const why = /since unpacking waits for bytes of 1 compressed file/;
      const { busy } = await namedWith(theSite(), slow, sevenZip(), /^archive$/, why);
      expect(busy.unpack).toBeLessThan(busy.archive);
    });

    it("is unpacking that starves the spool", async () => {
      const slow = cpuGroup(`${GROUPS}unpack`, 0.001);
      const why = /^parsers are without chunks \d+ % of their time, 1 compressed file/;
      const { busy } = await namedWith(theSite(), slow, sevenZip(), /^unpack$/, why);
      expect(busy.spool).toBe(0);
    });
  },
);

/** Packs all files into one 7z but those of one kind, and cuts these into small ones, as of so many hosts. */
function pack(hosts: string): void {
  rmSync(join(hosts, "20130117.7z"));
  execFileSync("gzip", ["-dr", hosts]);
  const others = readdirSync(hosts).filter((name) => name !== "auth");
  execFileSync("7z", ["a", "-mx=1", "-sdel", "20130118.7z", ...others], { cwd: hosts, stdio: "ignore" });
  const days = join(hosts, "auth", "2013", "01");
  const lines = readdirSync(days).flatMap((day) => readFileSync(join(days, day), "latin1").split(/(?<=\n)/));
  rmSync(join(hosts, "auth"), { recursive: true });
  for (let at = 0; at < lines.length; at += SMALL_LINES) {
    const host = join(hosts, "2013", "01", `host${String(at)}`);
    mkdirSync(host, { recursive: true });
    writeFileSync(join(host, "auth"), lines.slice(at, at + SMALL_LINES).join(""), "latin1");
  }
}

async function registered(site: TestSite): Promise<readonly NodeRegistration[]> {
  const redis = await site.redis();
  try {
    return await waitFor(
      "both nodes",
      async () => {
        const texts = Object.values(await redis.hgetall(campaignKeys(ID).nodes));
        return texts.length === 2 && texts.map((text) => nodeRegistrationSchema.parse(JSON.parse(text)));
      },
      PATIENCE,
    );
  } finally {
    redis.disconnect();
  }
}

type Limiting = NonNullable<CampaignStatus["limiting"]>;

/** Puts the processes into the group until the stage is named, to programs and to people. */
async function namedWith(
  site: TestSite,
  group: ControlGroup | undefined,
  processes: readonly number[],
  stage: RegExp,
  why: RegExp,
): Promise<Limiting> {
  if (!group) throw new Error("no control group could be made");
  try {
    group.add(processes);
    await waitFor(`${stage.source} to be named`, lookedAt(site, stage), PATIENCE);
    return await waitFor(
      `status to show ${stage.source} and why`,
      async () => {
        const text = await site.read("status", ID);
        expect(/^limited {4}by (.+?): /m.exec(text)?.[1]).toMatch(stage);
        const { stdout } = await site.call("status", ID);
        const { limiting } = JSON.parse(stdout) as CampaignStatus;
        expect(limiting).toMatchObject({
          stage: expect.stringMatching(stage) as string,
          why: expect.stringMatching(why) as string,
        });
        return limiting;
      },
      PATIENCE,
    );
  } finally {
    group.remove();
  }
}

/** Whether the last looks of the orchestrator named the stage. Throws what the last one named otherwise. */
function lookedAt(site: TestSite, stage: RegExp): () => Promise<boolean> {
  let last = "";
  let times = 0;
  return async () => {
    const { limiting, state } = await site.status(ID);
    const text = JSON.stringify(limiting ?? state);
    if (text !== last) times = limiting && stage.test(limiting.stage) ? times + 1 : 0;
    last = text;
    if (times < LOOKS) throw new Error(`${state}: ${text}`);
    return true;
  };
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, "utf8");
  } catch {
    return "";
  }
}
