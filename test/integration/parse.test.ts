import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

  describe("with a pipeline", () => {
    const GATE = `name: gate
filters:
  - if: '[message] == "noise"'
    then: [{ drop: { reason: noise } }]
  - stage: gate
    if: '[program] == "gate"'
    filters:
      - grok: { match: { message: ["^out %{WORD:user}", "%{GATE_IN}$"] } }
`;
    const LINES = ["gate[1]: in bob", "gate[1]: noise", "other: x", "gate[1]: elsewhere"]
      .map((text) => `Jan 14 23:20:01 h ${text}\n`)
      .join("");
    let words: readonly string[];
    beforeAll(() => {
      mkdirSync(join(dir, "gate-patterns"));
      writeFileSync(join(dir, "gate-patterns", "gate"), "GATE_IN in %{WORD:user}\n");
      writeFileSync(join(dir, "gate.yaml"), GATE);
      writeFileSync(join(dir, "gate.log"), LINES);
      words = ["--pipeline", "gate.yaml", "--patterns", "gate-patterns", "--date", "2013-01"];
    });

    it("prints what a campaign would store, in order, and counts what is dropped", async () => {
      const { out, err, code } = await run([...words, "--time-zone", "Europe/Prague", "gate.log"]);
      const common = { "@timestamp": "2013-01-14T22:20:01.000Z", host: "h", file: "gate.log", service: "gate" };
      expect(documents(out)).toEqual([
        { ...common, program: "gate", pid: 1, message: "in bob", offset: 0, user: "bob" },
        { ...common, program: "other", message: "x", offset: 67 },
        { ...common, program: "gate", pid: 1, message: "elsewhere", offset: 94, tags: ["_grokparsefailure"] },
      ]);
      expect(err).toBe("4 lines: 3 documents, 1 dropped\nlines           reason\n    1  dropped  noise\n");
      expect(code).toBe(0);
    });

    it("explains the way of each line", async () => {
      const { out } = await run([...words, "--quiet", "--explain", "gate.log"]);
      expect(out.replaceAll(/^ {2}\{.*\}$/gm, "  {}")).toBe(
        [
          "line 1: Jan 14 23:20:01 h gate[1]: in bob",
          "  stage gate",
          "    ✗ ^out %{WORD:user}",
          '        got to column 1, in "out "; there stands "in bob"',
          "    ✓ %{GATE_IN}$",
          "  {}",
          "line 2: Jan 14 23:20:01 h gate[1]: noise",
          "  ✓ drop dropped (gate.yaml:4:14)",
          "  dropped: noise",
          "line 3: Jan 14 23:20:01 h other: x",
          "  {}",
          "line 4: Jan 14 23:20:01 h gate[1]: elsewhere",
          "  stage gate",
          "    ✗ ^out %{WORD:user}",
          '        got to column 1, in "out "; there stands "elsewhere"',
          "    ✗ %{GATE_IN}$",
          '        got to column 1, in %{GATE_IN} → "in "; there stands "elsewhere"',
          "    ✗ grok failed (gate.yaml:8:9)",
          "  {}",
          "",
        ].join("\n"),
      );
    });

    it("explains for programs too", async () => {
      const { out } = await run(["--json", ...words, "--explain", "gate.log"]);
      const [first, second] = documents(out);
      expect(first).toMatchObject({
        line: 1,
        document: { user: "bob" },
        stages: ["gate"],
        candidates: [
          { pattern: "^out %{WORD:user}", outcome: "missed", stage: "gate", reached: { column: 1 } },
          { pattern: "%{GATE_IN}$", outcome: "matched", stage: "gate" },
        ],
      });
      expect(second).toMatchObject({ line: 2, document: null, dropped: "noise", stages: [], candidates: [] });
    });

    it("takes messages out of JSON, one that holds several lines as one", async () => {
      const message = "Jan 14 23:20:01 h gate: in\\nbob";
      const { out } = await run([...words, "--quiet", "--ndjson", "m", "-"], `\n{"m":"${message}"}\n`);
      expect(documents(out)).toMatchObject([{ message: "in\nbob", offset: 1, file: "-" }]);
    });

    it("runs the program's pipeline of a service when none is named", async () => {
      const login = "Jan 14 23:20:01 h sshd[3]: Accepted password for bob from 10.1.1.1 port 4 ssh2\n";
      const { out } = await run(["--quiet", "--service", "auth", "--date", "2012", "-"], login);
      expect(documents(out)).toMatchObject([
        { "@timestamp": "2012-01-14T23:20:01.000Z", service: "auth", ssh: { user: "bob", port: 4 } },
      ]);
    });

    it("says what is wrong with a pipeline by file, line and column", async () => {
      writeFileSync(
        join(dir, "wrong.yaml"),
        "name: wrong\nfilters:\n  - grook: {}\n  - grok: { match: { message: 1, x: '%{' } }\n",
      );
      const cases: readonly (readonly [string, RegExp])[] = [
        ["wrong.yaml", /^gridharvest: wrong\.yaml:3:5: grook: unknown filter; did you mean grok\?$/m],
        ["nowhere.yaml", /^gridharvest: nowhere\.yaml cannot be read: there is no such file;/],
        ["gate-patterns", /^gridharvest: gate-patterns cannot be read: it is a directory;/],
      ];
      for (const [file, expected] of cases) {
        const { out, err, code } = await run(["--pipeline", file, "gate.log"]);
        expect(err).toMatch(expected);
        expect({ out, code }).toEqual({ out: "", code: 2 });
      }
      const missing = await run(["--pipeline", "gate.yaml", "gate.log"]);
      expect(missing.err).toMatch(/gate\.yaml:8:9: grok: there is no definition of %\{GATE_IN\}/);
    });

    it("warns of a dangerous pattern, and goes on", async () => {
      writeFileSync(join(dir, "evil.yaml"), "name: e\nfilters:\n  - grok: { match: { message: '^(?:a|a)+$' } }\n");
      const { out, err, code } = await run(["--pipeline", "evil.yaml", "gate.log"]);
      expect(err).toMatch(/warn +evil\.yaml:3:5: the pattern \^\(\?:a\|a\)\+\$ is dangerous: .*\d+ times "a" then "!"/);
      expect(documents(out)).toHaveLength(4);
      expect(code).toBe(0);
    }, 60_000);
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
