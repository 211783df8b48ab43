import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../orchestrator/log.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { commandLine, ensureBundles, nodeBinary } from "../../orchestrator/runtimes/index.ts";
import { describeWith } from "../support/index.ts";

/** The command line as a process of its own, between pipes. */
describeWith(["elasticsearch"], "gridharvest parse", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-test-parse-"));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const LINE = "Jan 14 23:20:01 hildor23-1 sshd[3849]: a message\n";
  const source = commandLine();

  function start(
    words: readonly string[],
    { node, args }: { readonly node: string; readonly args: readonly string[] } = source,
  ) {
    const child = spawn(node, [...args, "parse", "--state-dir", join(dir, "state"), ...words], { cwd: dir });
    // It may end before it has read everything.
    child.stdin.on("error", () => undefined);
    return child;
  }

  async function run(words: readonly string[], input: string | Uint8Array = "", program = source) {
    const child = start(words, program);
    child.stdin.end(input);
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)]);
    return { out, err, code };
  }

  const documents = (out: string) =>
    out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it("reads the standard input and says on stderr what became of it", async () => {
    const { out, err, code } = await run(["--grok", "%{SYSLOGBASE} %{GREEDYDATA:text}", "-"], `${LINE}nothing\r\n`);
    expect(documents(out)).toEqual([
      {
        message: LINE.trimEnd(),
        timestamp: "Jan 14 23:20:01",
        logsource: "hildor23-1",
        program: "sshd",
        pid: "3849",
        text: "a message",
      },
      { message: "nothing", tags: ["_grokparsefailure"] },
    ]);
    expect(err).toBe("2 lines: 1 matched, 1 missed\nmatched  pattern\n      1  %{SYSLOGBASE} %{GREEDYDATA:text}\n");
    expect(code).toBe(0);
  });

  it("takes the fields of the bank that is named", async () => {
    const { out } = await run(["--quiet", "--bank", "ecs-v1", "--grok", "%{SYSLOGBASE}", "-"], LINE);
    expect(documents(out)).toMatchObject([{ host: { hostname: "hildor23-1" }, process: { name: "sshd", pid: 3849 } }]);
  });

  it("knows the site's patterns, which win, and reads lines of JSON; what holds none ends in 3", async () => {
    writeFileSync(join(dir, "mine"), "WORD m[a-z]+\n");
    const words = ["--quiet", "--patterns", dir, "--grok", "%{WORD:w}$", "--ndjson", "m", "-"];
    const { out, err, code } = await run(words, '{"m":"a\\nmessage"}\n{"n":"x"}\n');
    expect(documents(out)).toEqual([
      { message: "a\nmessage", w: "message" },
      { message: '{"n":"x"}', tags: ["_jsonparsefailure"] },
    ]);
    expect(err).toMatch(/line 2 has no field m; there are: n/);
    expect(code).toBe(3);
  });

  it("does the same from the bundle, our own patterns included", async () => {
    const { cli } = await ensureBundles(createLog({ level: "warn" }));
    const bundle = { node: nodeBinary(), args: [cli] };
    const words = ["--quiet", "--grok", "%{SYSLOG_REPEATED}", "--grok", "%{SYSLOGLINE}", "-"];
    const input = `message repeated 3 times: [ x]\n${LINE}`;
    const bundled = await run(words, input, bundle);
    expect(bundled).toEqual(await run(words, input));
    expect(documents(bundled.out)[0]).toMatchObject({ syslog: { repeated: 3, message: "x" } });
  });

  it("keeps the banks in the state directory", () => {
    const { banks } = JSON.parse(readFileSync(statePaths(join(dir, "state")).grokBanks, "utf8")) as {
      banks: Record<string, { name: string }[]>;
    };
    for (const bank of ["legacy", "ecs-v1"]) expect(banks[bank]?.map(({ name }) => name)).toContain("grok-patterns");
  });

  it("ends quietly when nobody reads any more", async () => {
    const child = start(["--quiet", "--grok", "%{SYSLOGLINE}", "-"]);
    const feed = setInterval(() => child.stdin.write(LINE.repeat(1000)), 1);
    try {
      await once(child.stdout, "data");
      child.stdout.destroy();
      const [err, code] = await Promise.all([text(child.stderr), exitOf(child)]);
      expect({ err, code }).toEqual({ err: "", code: 0 });
    } finally {
      clearInterval(feed);
    }
  });

  it("prints what has come before the input ends, and ends at once with a signal", async () => {
    const child = start(["--grok", "%{SYSLOGLINE}", "-"]);
    child.stdin.write(LINE);
    const [first] = (await once(child.stdout, "data")) as [Buffer];
    expect(documents(String(first))).toHaveLength(1);
    child.kill("SIGINT");
    const [err, code] = await Promise.all([text(child.stderr), exitOf(child)]);
    expect(err).toBe("gridharvest: interrupted\n");
    expect(code).toBe(130);
  });
});

async function exitOf(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, "close")) as [number];
  return code;
}
