import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../orchestrator/config.ts";
import { CommandLine } from "../../orchestrator/demo/command-line.ts";
import { prepareCampaign, prepareSite } from "../../orchestrator/launch.ts";
import { createLog } from "../../orchestrator/log.ts";
import { planMonth } from "../../orchestrator/plan-month.ts";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import { withMachineLock } from "../../orchestrator/runtimes/machine-lock.ts";
import { pipelineHash } from "../../worker/pipeline.ts";
import { DEFAULT_RULES } from "../support/rules.ts";
import { describeWith, leftoverProcesses, privateStateDir, waitFor } from "../support/index.ts";

/** What a user must mend is said at once: exit code 2, the file and the remedy, and nothing was submitted or started. */
describeWith(["redis", "carbon", "graphite-web", "elasticsearch", "haproxy"], "errors of launch", () => {
  const dir = privateStateDir("cli-errors");
  const archive = join(dir, "archive");
  const stateDir = join(dir, "state");
  const never = new AbortController().signal;

  interface Refusal {
    readonly code: number;
    readonly error: string | undefined;
    readonly message: string;
    readonly stderr: string;
  }
  const call = async (configFile: string, ...words: readonly string[]): Promise<Refusal> => {
    const { code, stdout, stderr } = await new CommandLine(configFile, join(dir, "cli.log")).call(words, never);
    const { error } = JSON.parse(stdout.trimEnd().split("\n").at(-1) || "{}") as {
      error?: { code: string; message: string };
    };
    return { code, error: error?.code, message: error?.message ?? "", stderr };
  };
  const write = (path: string, text: string): string => {
    const file = join(dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const line = "Jan 14 23:20:01 hildor23-1 CRON[3849]: a message\n";
  const site = (more = ""): string => `stateDir: ${stateDir}\narchive: { root: ${archive} }\n${more}`;
  let config = "";
  beforeAll(() => {
    write("archive/hosts/2013/01/10.0.0.1/syslog", line.repeat(100));
    write("archive/hosts/2013/01/10.0.0.2/syslog", line.repeat(100));
    config = write("site.yaml", site());
  });
  afterAll(async () => {
    await call(config, "services", "down");
  }, 60_000);

  const refusals: readonly {
    readonly what: string;
    readonly words?: readonly string[];
    readonly config?: () => string;
    readonly error: string;
    readonly says: readonly (string | RegExp)[];
  }[] = [
    {
      what: "an archive that is not there",
      words: ["--month", "2013-01", "--set", "archive.root=/nowhere/logs"],
      error: "ARCHIVE_MISSING",
      says: ["/nowhere/logs", "does not exist", "archive.root"],
    },
    {
      what: "an archive that is a file",
      words: ["--month", "2013-01", "--set", `archive.root=${join(archive, "hosts/2013/01/10.0.0.1/syslog")}`],
      error: "ARCHIVE_MISSING",
      says: ["is not a directory", "archive.root"],
    },
    {
      what: "a month without files",
      words: ["--month", "2013-02"],
      error: "ARCHIVE_EMPTY",
      says: [archive, "2013-02", "Months that are there: 2013-01"],
    },
    {
      what: "a month that does not exist",
      words: ["--month", "2013-13"],
      error: "MONTH_INVALID",
      says: ["2013-13", "2013-01"],
    },
    { what: "no month and no plan", words: [], error: "USAGE", says: ["--month 2013-01", "--plan FILE"] },
    {
      what: "an unknown key in the configuration",
      config: () => write("typo.yaml", site("parsers:\n  slotz: 2\n")),
      error: "CONFIG_INVALID",
      says: [/typo\.yaml:4\b/, "parsers.slotz", "slots"],
    },
    {
      what: "an unknown key on the command line",
      words: ["--month", "2013-01", "--set", "parser.slots=2"],
      error: "CONFIG_INVALID",
      says: ["--set", "parser", "parsers"],
    },
    {
      what: "a configuration that is not there",
      config: () => join(dir, "absent.yaml"),
      error: "CONFIG_UNREADABLE",
      says: ["absent.yaml", "--config"],
    },
    {
      what: "no Java where the configuration says",
      words: ["--month", "2013-01", "--set", "elasticsearch.javaHome=/nowhere/java"],
      error: "JAVA_UNFIT",
      says: ["/nowhere/java", "elasticsearch.javaHome"],
    },
    {
      what: "no Elasticsearch where the configuration says",
      words: ["--month", "2013-01", "--set", `elasticsearch.home=${dir}`],
      error: "ELASTICSEARCH_UNFIT",
      says: [dir, "elasticsearch.home"],
    },
  ];
  it.each(refusals)("$what", async ({ words = ["--month", "2013-01"], config: file, error, says }) => {
    const refusal = await call(file?.() ?? config, "launch", ...words);
    expect(refusal).toMatchObject({ code: 2, error });
    for (const text of says) expect(refusal.message).toMatch(typeof text === "string" ? literally(text) : text);
    expect(refusal.stderr).toContain(refusal.message);
    expect(existsSync(join(stateDir, "campaigns"))).toBe(false);
    expect(leftoverProcesses(stateDir)).toEqual([]);
  });

  it("a plan whose archive has changed since: every difference is named", async () => {
    const plan = join(dir, "2013-01.plan.json");
    expect((await call(config, "plan", "--month", "2013-01", "--out", plan)).code).toBe(0);
    const [first, second, third] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((host) => `hosts/2013/01/${host}/syslog`);
    if (!first || !second || !third) throw new Error("three files are wanted");
    const before = readFileSync(join(archive, first));
    write(`archive/${first}`, line.repeat(101));
    rmSync(join(archive, second));
    write(`archive/${third}`, line);
    const refusal = await call(config, "launch", "--plan", plan);
    expect(refusal).toMatchObject({ code: 2, error: "PLAN_OUTDATED" });
    for (const text of [plan, `size of`, first, "file removed:", second, "file added:", third, "Plan again with"]) {
      expect(refusal.message).toContain(text);
    }
    write(`archive/${first}`, String(before));
    write(`archive/${second}`, line.repeat(100));
    rmSync(dirname(join(archive, third)), { recursive: true });
    utimesSync(join(archive, first), 1e9, 1e9);
    expect((await call(config, "launch", "--plan", plan)).message).toMatch(
      /modification time of \S*10\.0\.0\.1\/syslog/,
    );
    expect(existsSync(join(stateDir, "campaigns"))).toBe(false);
  });

  it("a plan that is broken", async () => {
    const refusal = await call(config, "launch", "--plan", write("broken.plan.json", '{"id": "x"'));
    expect(refusal).toMatchObject({ code: 2, error: "PLAN_UNREADABLE" });
    expect(refusal.message).toContain("broken.plan.json");
  });

  it("an interruption while everything is made ready: no campaign comes of it", async () => {
    // Whoever holds this lock keeps the launch waiting for the services.
    const services = join(stateDir, "services");
    mkdirSync(services, { recursive: true, mode: 0o711 });
    await withMachineLock(`services ${realpathSync(services)}`, async () => {
      const { node, args } = commandLine();
      const words = ["launch", "--month", "2013-01", "--config", config];
      const child = spawn(node, [...args, ...words], { stdio: ["ignore", "ignore", "pipe"] });
      let stderr = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
      const ended = once(child, "close");
      await waitFor("the launch to wait for the services", () => stderr.includes("waiting for it"));
      child.kill("SIGINT");
      expect(await ended).toEqual([130, null]);
    });
    expect(existsSync(join(stateDir, "campaigns"))).toBe(false);
    expect(leftoverProcesses(stateDir)).toEqual([]);
    // And when it comes in the last moment, what was made is taken back.
    const { config: resolved } = await loadConfig({ file: config, env: {} });
    const plan = await planMonth(
      resolved,
      ["2013-01"],
      { pipeline: { hash: pipelineHash(DEFAULT_RULES), rules: DEFAULT_RULES, fields: [] } },
      never,
    );
    await expect(prepareSite(resolved, createLog({ level: "error" }), AbortSignal.abort())).rejects.toThrow();
    await expect(prepareCampaign(resolved, plan, undefined, AbortSignal.abort())).rejects.toThrow();
    expect(existsSync(join(stateDir, "campaigns"))).toBe(false);
  });

  // Last, since from here on there are campaigns.
  it("a name that is taken, and one that cannot be a name", async () => {
    const { config: resolved } = await loadConfig({ file: config, env: {} });
    const plan = await planMonth(
      resolved,
      ["2013-01"],
      { pipeline: { hash: pipelineHash(DEFAULT_RULES), rules: DEFAULT_RULES, fields: [] } },
      never,
    );
    const { paths } = await prepareCampaign(resolved, plan, "taken", never);
    const record = readFileSync(paths.campaign, "utf8");
    const refusal = await call(config, "launch", "--month", "2013-01", "--name", "taken");
    expect(refusal).toMatchObject({ code: 2, error: "CAMPAIGN_EXISTS" });
    expect(refusal.message).toMatch(/named taken exists in \S*campaigns; choose another --name/);
    expect(readFileSync(paths.campaign, "utf8")).toBe(record);
    expect(await call(config, "launch", "--month", "2013-01", "--name", "No Name")).toMatchObject({
      code: 2,
      error: "CAMPAIGN_NAME",
    });
    expect(await call(config, "status", "nobody")).toMatchObject({ code: 2, error: "CAMPAIGN_UNKNOWN" });
  });
});

function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
}
