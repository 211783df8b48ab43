import { execFile } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createCampaign } from "../../orchestrator/campaign-store.ts";
import { loadConfig } from "../../orchestrator/config.ts";
import { VARIABLE_PREFIX } from "../../orchestrator/config-fields.ts";
import { prepareCampaign } from "../../orchestrator/launch.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { readPlan } from "../../orchestrator/plan-file.ts";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import { privateStateDir } from "../support/index.ts";

/** Bad input, given to the real command line: each is refused before anything is submitted, started or fetched. */

const root = privateStateDir("cli-refusals");
const LINE = "Jan 14 23:20:01 hildor23-1 CRON[3849]: a message\n";
const HOST = "hosts/2013/01/10.0.0.1";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A site with a small archive of January 2013 and an empty state directory. */
class Site {
  readonly dir = mkdtempSync(join(root, "site-"));
  readonly archive = join(this.dir, "archive");
  readonly stateDir = join(this.dir, "state");
  readonly configFile = join(this.dir, "site.yaml");

  constructor() {
    this.write(`${HOST}/syslog`, LINE.repeat(50));
    this.write(`${HOST}/auth.log`, LINE.repeat(5));
    this.configure(`stateDir: ${this.stateDir}\narchive: { root: ${this.archive} }\n`);
  }

  /** Writes a file of the archive. @returns its path */
  write(path: string, content: string | Uint8Array): string {
    const file = join(this.archive, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  configure(text: string): void {
    writeFileSync(this.configFile, text);
  }

  /** Runs a process of its own, as a shell would. */
  run(words: readonly string[], variables: Readonly<Record<string, string | undefined>> = {}): Promise<Outcome> {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith(VARIABLE_PREFIX));
    const { node, args } = commandLine();
    return new Promise((resolve) => {
      execFile(
        node,
        [...args, "--json", ...words, "--config", this.configFile],
        { cwd: this.dir, env: { ...Object.fromEntries(own), ...variables } },
        (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err }),
      );
    });
  }

  /** The command is refused with this code, and with all of these on stderr; it leaves the site as it was. */
  async refuses(
    words: readonly string[],
    code: string,
    says: readonly string[],
    variables: Readonly<Record<string, string | undefined>> = {},
  ): Promise<void> {
    const before = this.files();
    const { code: exit, out, err } = await this.run(words, variables);
    expect(err).toMatch(/^gridharvest: /m);
    for (const text of says) expect(err).toContain(text);
    expect(err).not.toMatch(/^ {4}at /m);
    const result = JSON.parse(out) as { error: { message: string } };
    expect(result).toMatchObject({ error: { code } });
    expect(err).toContain(`gridharvest: ${result.error.message}\n`);
    expect(exit).toBe(2);
    expect(this.files()).toEqual(before);
  }

  /** Everything in the state directory: a refused command adds no campaign, service, batch system or runtime. */
  files(): readonly string[] {
    return existsSync(this.stateDir) ? readdirSync(this.stateDir, { recursive: true, encoding: "utf8" }).sort() : [];
  }

  async plan(months = "2013-01"): Promise<string> {
    const file = join(this.dir, "saved.plan.json");
    const { code, err } = await this.run(["plan", "--month", months, "--out", file]);
    expect(err).toBe("");
    expect(code).toBe(0);
    return file;
  }

  async createCampaign(name: string): Promise<string> {
    const { config } = await loadConfig({ file: this.configFile, env: {} });
    const { paths } = await createCampaign(statePaths(this.stateDir), {
      name,
      months: ["2013-01"],
      planId: "0123456789ab",
      config,
    });
    return paths.campaign;
  }
}

describe.each(["plan", "launch"])("%s of what is not there", (command) => {
  it("refuses an archive that does not exist", async () => {
    const site = new Site();
    rmSync(site.archive, { recursive: true });
    const says = [site.archive, "does not exist", "set archive.root"];
    await site.refuses([command, "--month", "2013-01"], "ARCHIVE_MISSING", says);
  });

  it("refuses an archive that is a file", async () => {
    const site = new Site();
    const file = join(site.archive, HOST, "syslog");
    const says = [file, "is not a directory", "set archive.root"];
    await site.refuses([command, "--month", "2013-01", "--set", `archive.root=${file}`], "ARCHIVE_MISSING", says);
  });

  it("refuses an archive behind a file", async () => {
    const site = new Site();
    const path = join(site.archive, HOST, "syslog", "logs");
    const says = [path, "cannot be read", "set archive.root"];
    await site.refuses([command, "--month", "2013-01", "--set", `archive.root=${path}`], "ARCHIVE_MISSING", says);
  });

  it("refuses a month without files, and names those that have some", async () => {
    const site = new Site();
    const says = [site.archive, "2013-02", "2013-01"];
    await site.refuses([command, "--month", "2013-02"], "ARCHIVE_EMPTY", says);
    await site.refuses([command, "--month", "2013-01..2013-02"], "ARCHIVE_EMPTY", says);
  });

  it.each([
    ["a month that does not exist", "2013-13", ["2013-13", "as in 2013-01"]],
    ["what is no month", "January", ["January", "as in 2013-01"]],
    ["a reversed range", "2013-02..2013-01", ["the range ends before it begins", "write 2013-01..2013-02"]],
    ["a range of three", "2013-01..2013-02..2013-03", ["a range, 2013-01..2013-03"]],
  ])("refuses %s", async (_, month, says) => {
    await new Site().refuses([command, "--month", month], "MONTH_INVALID", ["--month", ...says]);
  });

  it("refuses a file beside its compressed copy, and names both", async () => {
    const site = new Site();
    site.write(`${HOST}/syslog.gz`, gzipSync(LINE.repeat(50)));
    const says = [`${HOST}/syslog`, "beside", `${HOST}/syslog.gz`, "archive.layout.clash"];
    await site.refuses([command, "--month", "2013-01"], "ARCHIVE_CLASH", says);
  });
});

describe("a configuration that does not fit", () => {
  it("names the place of an unknown key, and the key that was meant", async () => {
    const site = new Site();
    site.configure(`stateDir: ${site.stateDir}\nparsers:\n  cuont: 3\n`);
    const says = [`${site.configFile}:3:`, "parsers.cuont: unknown key", "did you mean count?"];
    for (const command of ["plan", "launch"])
      await site.refuses([command, "--month", "2013-01"], "CONFIG_INVALID", says);
    await site.refuses(["status", "january"], "CONFIG_INVALID", says);
  });

  it("names every problem at once", async () => {
    const site = new Site();
    site.configure(`stateDir: ${site.stateDir}\nparsres: {}\nfinish: kep\n`);
    const says = [`${site.configFile}:2:`, "did you mean parsers?", `${site.configFile}:3:`, "did you mean keep?"];
    await site.refuses(["launch", "--month", "2013-01"], "CONFIG_INVALID", says);
  });

  it("names a configuration file that is not there", async () => {
    const site = new Site();
    rmSync(site.configFile);
    const says = [site.configFile, "gridharvest config --example"];
    await site.refuses(["launch", "--month", "2013-01"], "CONFIG_UNREADABLE", says);
  });

  it("says a warning once", async () => {
    const site = new Site();
    const { err } = await site.run(["status", "january"], { [`${VARIABLE_PREFIX}PARSERS_CUONT`]: "3" });
    expect(err.split(`${VARIABLE_PREFIX}PARSERS_CUONT`)).toHaveLength(2);
    expect(err).toContain(`did you mean ${VARIABLE_PREFIX}PARSERS_COUNT?`);
  });
});

describe("a plan that no longer fits", () => {
  it("names a file that grew", async () => {
    const site = new Site();
    const plan = await site.plan();
    const file = join(site.archive, HOST, "syslog");
    appendFileSync(file, LINE);
    const bytes = LINE.length * 50;
    await site.refuses(["launch", "--plan", plan], "PLAN_OUTDATED", [
      plan,
      `size of ${HOST}/syslog: ${bytes} bytes, ${bytes + LINE.length} now`,
      "gridharvest plan --month 2013-01`",
    ]);
  });

  it("names a file that came and one that went", async () => {
    const site = new Site();
    const plan = await site.plan();
    site.write("hosts/2013/01/10.0.0.2/syslog", LINE);
    rmSync(join(site.archive, HOST, "auth.log"));
    await site.refuses(["launch", "--plan", plan], "PLAN_OUTDATED", [
      plan,
      "file added: hosts/2013/01/10.0.0.2/syslog",
      `file removed: ${HOST}/auth.log`,
    ]);
  });

  it("names what else decides the documents", async () => {
    const site = new Site();
    const plan = await site.plan();
    const words = ["launch", "--plan", plan, "--set", "archive.timeZone=Europe/Prague"];
    await site.refuses(words, "PLAN_OUTDATED", ["time zone: ", "Europe/Prague now"]);
  });

  it("says how to plan several months again, in words that work", async () => {
    const site = new Site();
    for (const month of ["02", "03"]) site.write(`hosts/2013/${month}/10.0.0.1/syslog`, LINE);
    const plan = await site.plan("2013-01..2013-03");
    site.write("hosts/2013/03/10.0.0.2/syslog", LINE);
    const says = ["gridharvest plan --month 2013-01..2013-03`"];
    await site.refuses(["launch", "--plan", plan], "PLAN_OUTDATED", says);
  });

  it("refuses a plan file that is missing, or broken off", async () => {
    const site = new Site();
    const missing = join(site.dir, "none.json");
    await site.refuses(["launch", "--plan", missing], "PLAN_UNREADABLE", [missing, "gridharvest plan"]);
    const plan = await site.plan();
    writeFileSync(plan, readFileSync(plan).subarray(0, 400));
    await site.refuses(["launch", "--plan", plan], "PLAN_UNREADABLE", [plan, "gridharvest plan"]);
  });
});

it("a month that does not fit on the disk is shown by plan and refused by launch", async () => {
  const site = new Site();
  // It says that it is large, and takes no room.
  truncateSync(join(site.archive, HOST, "syslog"), 4 * 2 ** 40);
  const { code, out } = await site.run(["plan", "--month", "2013-01", "--out", join(site.dir, "large.json")]);
  expect(code).toBe(0);
  const { disks } = JSON.parse(out) as { disks: { freeBytes: number; neededBytes: number }[] };
  expect(disks[0]?.neededBytes).toBeGreaterThan(disks[0]?.freeBytes ?? Infinity);
  await site.refuses(["launch", "--month", "2013-01"], "DISK_TOO_SMALL", [
    `needed below ${site.stateDir}`,
    "of indices",
    "make room",
  ]);
});

describe("a place that cannot be written to", () => {
  const plan = ["plan", "--month", "2013-01"];
  const launch = ["launch", "--month", "2013-01"];

  it.each([
    ["plan", plan],
    ["launch", launch],
    ["services", ["services", "up"]],
    ["list", ["list"]],
    ["status", ["status", "january"]],
  ])("%s: the state directory is a file", async (_, words) => {
    const site = new Site();
    const file = join(site.archive, HOST, "syslog");
    const says = [file, "stateDir or --state-dir"];
    await site.refuses([...words, "--state-dir", file], "STATE_DIR_UNUSABLE", says);
  });

  it.each([
    ["plan", plan],
    ["launch", launch],
  ])("%s: the state directory takes nothing", async (_, words) => {
    // Not even from root.
    const says = ["/sys/gridharvest", "stateDir or --state-dir"];
    await new Site().refuses([...words, "--state-dir", "/sys/gridharvest"], "STATE_DIR_UNUSABLE", says);
  });

  it("the plan's file is a directory", async () => {
    const site = new Site();
    const dir = join(site.dir, "plans");
    mkdirSync(dir);
    await site.refuses([...plan, "--out", dir], "PLAN_UNWRITABLE", [dir, "plan --out FILE"]);
    expect(readdirSync(site.dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("a campaign's name", () => {
  it("is refused when it is taken, before anything is done", async () => {
    const site = new Site();
    const file = await site.createCampaign("january");
    const record = readFileSync(file, "utf8");
    const says = ["january", statePaths(site.stateDir).campaigns, "--name", "gridharvest status january"];
    await site.refuses(["launch", "--month", "2013-01", "--name", "january"], "CAMPAIGN_EXISTS", says);
    expect(readFileSync(file, "utf8")).toBe(record);
  });

  it("is refused when another launch takes it meanwhile, and that campaign stays whole", async () => {
    const site = new Site();
    const plan = await readPlan(await site.plan());
    const { config } = await loadConfig({ file: site.configFile, env: {} });
    const file = await site.createCampaign("january");
    await expect(prepareCampaign(config, plan, "january", new AbortController().signal)).rejects.toMatchObject({
      code: "CAMPAIGN_EXISTS",
    });
    expect(readdirSync(dirname(file))).toEqual(["campaign.json"]);
  });

  it.each(["A B", "x", "../escape", "-january", "januar\u00fd", "j".repeat(49), ""])(
    "is refused as %j",
    async (name) => {
      const words = ["launch", "--month", "2013-01", `--name=${name}`];
      await new Site().refuses(words, "CAMPAIGN_NAME", [JSON.stringify(name), "--name", "2 to 48 lower case letters"]);
    },
  );
});

describe.each(["status", "watch", "pause", "resume", "cancel", "verify", "teardown", "logs", "adopt", "dashboard"])(
  "%s of an unknown campaign",
  (command) => {
    it("names it, where it was looked for, and those that there are", async () => {
      const site = new Site();
      const { campaigns } = statePaths(site.stateDir);
      await site.refuses([command, "february"], "CAMPAIGN_UNKNOWN", ["february", campaigns, "--state-dir"]);
      await site.createCampaign("january");
      await site.refuses([command, "february"], "CAMPAIGN_UNKNOWN", ["february", campaigns, "there are: january"]);
      expect(existsSync(campaignPaths(campaigns, "february").dir)).toBe(false);
    });
  },
);

it("scale of an unknown campaign", async () => {
  const site = new Site();
  await site.refuses(["scale", "february", "--parsers", "2"], "CAMPAIGN_UNKNOWN", ["february", "--state-dir"]);
});

describe("no Java", () => {
  /** Without a distribution at hand, so that one would have to be fetched. */
  const bare = { ES_HOME: undefined, ES_JAVA_HOME: undefined };

  it("is said before Elasticsearch is fetched, of the configuration's", async () => {
    const site = new Site();
    const home = join(site.dir, "no-java");
    mkdirSync(home);
    const words = ["launch", "--month", "2013-01", "--set", `elasticsearch.javaHome=${home}`];
    await site.refuses(words, "JAVA_UNFIT", ["elasticsearch.javaHome", home, "Java 17 or newer", "unset it"], bare);
  });

  it("is said before Elasticsearch is fetched, of the environment's", async () => {
    const site = new Site();
    const home = join(site.dir, "no-java");
    const says = [`ES_JAVA_HOME is ${home}`, "Java 17 or newer", "unset it"];
    await site.refuses(["launch", "--month", "2013-01"], "JAVA_UNFIT", says, { ...bare, ES_JAVA_HOME: home });
  });
});

describe("parse", () => {
  /** No distribution at hand, but banks that were kept. */
  const bare = { ES_HOME: undefined, ES_JAVA_HOME: undefined };

  function siteWithBanks(): { readonly site: Site; readonly log: string } {
    const site = new Site();
    const files = [{ name: "grok-patterns", text: "WORD \\w+\n" }];
    const kept = { jar: "grok.jar", bytes: 1, modified: 1, banks: { legacy: files, "ecs-v1": files } };
    mkdirSync(site.stateDir, { recursive: true });
    writeFileSync(statePaths(site.stateDir).grokBanks, JSON.stringify(kept));
    return { site, log: join(site.archive, HOST, "syslog") };
  }

  it.each<[what: string, words: string[], code: string, says: string[]]>([
    ["two things to parse by", ["--grok", "a", "--pipeline", "p.yaml"], "USAGE", ["take it or --grok out"]],
    ["no pipeline", ["--pipeline", "p.yaml"], "ARGUMENT_FILE", ["p.yaml cannot be read", "name a YAML file"]],
    ["an empty expression", ["--grok", ""], "USAGE", ["--grok is empty"]],
    ["a bank that there is not", ["--grok", "a", "--bank", "ecs"], "USAGE", ["--bank ecs: write legacy or ecs-v1"]],
    ["what names no field", ["--grok", "a", "--ndjson", "[a"], "USAGE", ['--ndjson "[a" is no field reference']],
    ["an unknown pattern", ["--grok", "%{GONE}"], "GROK_UNDEFINED", ["there is no definition of %{GONE}", "define it"]],
    ["a pattern in other letters", ["--grok", "%{word}"], "GROK_UNDEFINED", ["did you mean WORD?"]],
    ["an unknown type", ["--grok", "%{WORD:a:number}"], "GROK_TYPE", ["no type number", "int, long, float"]],
    ["an expression that is none", ["--grok", "%{WORD}("], "REGEX_INVALID", ["column 8", "mend the expression"]],
    ["what is not supported", ["--grok", "a(?~b)"], "REGEX_UNSUPPORTED", ["column 2", "absence operator"]],
    [
      "no directory of patterns",
      ["--grok", "a", "--patterns", "none"],
      "ARGUMENT_FILE",
      ["--patterns none cannot be read"],
    ],
  ])("refuses %s", async (_, words, code, says) => {
    const { site, log } = siteWithBanks();
    await site.refuses(["parse", ...words, log], code, says, bare);
  });

  it("refuses definitions by file and line, or by the path to them", async () => {
    const { site, log } = siteWithBanks();
    const dir = join(site.dir, "patterns");
    mkdirSync(dir);
    const words = (grok: string): string[] => ["parse", "--patterns", dir, "--grok", grok, log];
    writeFileSync(join(dir, "mine"), "# mine\nA %{B}\nB %{GONE}\nC %{D}\nD x%{C}\nE [a\n");
    const undefinedOne = ["%{A} → %{B} → %{GONE}", `${join(dir, "mine")}:3`];
    await site.refuses(words("%{A}"), "GROK_UNDEFINED", undefinedOne, bare);
    await site.refuses(words("%{C}"), "GROK_CYCLE", ["C → D → C", join(dir, "mine")], bare);
    await site.refuses(words("%{E}"), "REGEX_INVALID", ["in the definition %{E}", `${join(dir, "mine")}:6`], bare);
    writeFileSync(join(dir, "other"), "\nALONE\n");
    await site.refuses(
      words("%{WORD}"),
      "GROK_DEFINITION",
      [`${join(dir, "other")}:2`, "ALONE has no expression"],
      bare,
    );
  });

  it("refuses what is no file of lines", async () => {
    const { site } = siteWithBanks();
    const words = ["parse", "--grok", "a"];
    const remedy = "name a file of log lines, or - for the standard input";
    await site.refuses([...words, "none.log"], "ARGUMENT_FILE", ["none.log cannot be read", remedy], bare);
    await site.refuses([...words, site.archive], "ARGUMENT_FILE", [`${site.archive} cannot be read`, remedy], bare);
    const packed = site.write(`${HOST}/syslog.1.gz`, gzipSync(LINE));
    const says = [`${packed} is a gzip file`, `zcat ${packed} | gridharvest parse … -`];
    await site.refuses([...words, packed], "ARGUMENT_FILE", says, bare);
  });

  it("says where the standard banks come from when there are none", async () => {
    const site = new Site();
    const words = ["parse", "--grok", "%{WORD}", join(site.archive, HOST, "syslog")];
    const says = [
      "come with Elasticsearch",
      statePaths(site.stateDir).runtimes,
      "ES_HOME",
      "elasticsearch.home",
      "prepare.ts",
    ];
    await site.refuses(words, "GROK_BANK_MISSING", says, bare);
  });
});
