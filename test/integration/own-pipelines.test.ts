import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import type { Plan } from "../../orchestrator/plan.ts";
import { describeWith } from "../support/index.ts";

/** Pipelines of the configuration on their way into a plan, by the command line. */
describeWith(["elasticsearch"], "pipelines of the operator's own", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-test-own-"));
    mkdirSync(join(dir, "patterns"));
    mkdirSync(join(dir, "archive/hosts/2013/01/10.0.0.1"), { recursive: true });
    writeFileSync(join(dir, "archive/hosts/2013/01/10.0.0.1/gate"), "Jan 14 23:20:01 h gate[1]: in bob 7\n");
    writeFileSync(
      join(dir, "patterns/gate"),
      "GATE_IN in %{WORD:[gate][user]} %{GATE_NO:[gate][no]:int}\nGATE_NO %{INT}\n",
    );
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const GATE = `name: gate
filters:
  - grok: { match: { message: "%{GATE_IN}" } }
`;

  async function run(command: string, services: string, words: readonly string[] = []) {
    const config = `stateDir: state\narchive: { root: archive }\npipelines:\n  patterns: [patterns]\n  services:\n    ${services}\n`;
    writeFileSync(join(dir, "gridharvest.yaml"), config);
    const { node, args } = commandLine();
    const child = spawn(node, [...args, "--json", "--log-level", "warn", command, ...words], { cwd: dir });
    const [out, err, closed] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { out, err, code: closed[0] as number };
  }

  const MONTH = ["--month", "2013-01"];
  const planned = async (services: string): Promise<Plan> => {
    const { out, err } = await run("plan", services, MONTH);
    expect(err).toBe("");
    return JSON.parse(readFileSync((JSON.parse(out) as { planFile: string }).planFile, "utf8")) as Plan;
  };

  it("are pinned in the plan with the patterns that they use, and their fields are mapped", async () => {
    writeFileSync(join(dir, "gate.yaml"), GATE);
    const { rules, fields } = await planned("gate: gate.yaml");
    expect(rules.pipelines.find(({ services }) => services.includes("gate"))?.text).toBe(GATE);
    const names = rules.patterns.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["GATE_IN", "GATE_NO", "WORD", "INT"]));
    expect(names).not.toContain("COMBINEDAPACHELOG");
    expect(fields).toContainEqual({ path: ["gate", "no"], type: "whole" });
  });

  it("that change make another plan, and the old one is refused", async () => {
    writeFileSync(join(dir, "gate.yaml"), GATE);
    const first = await planned("gate: gate.yaml");
    expect((await planned("gate: gate.yaml")).pinned.pipeline).toBe(first.pinned.pipeline);
    writeFileSync(join(dir, "gate.yaml"), GATE.replace('"%{GATE_IN}"', '"%{GATE_IN}$"'));
    const second = await planned("gate: gate.yaml");
    expect(second.pinned.pipeline).not.toBe(first.pinned.pipeline);
    expect(second.id).not.toBe(first.id);
    const { out, code } = await run("launch", "gate: gate.yaml", [
      "--plan",
      join(dir, "state/plans", `${first.id}.json`),
    ]);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "PLAN_OUTDATED" } });
    expect(code).toBe(2);
  });

  it("may stand in the configuration itself", async () => {
    const inline = "gate:\n      name: gate\n      filters:\n        - grok: { match: { message: '%{GATE_IN}' } }";
    const { rules } = await planned(inline);
    expect(rules.pipelines.find(({ services }) => services.includes("gate"))?.text).toContain("%{GATE_IN}");
  });

  it.each(["plan", "config", "doctor"])("that are wrong are refused by place: %s", async (command) => {
    writeFileSync(join(dir, "gate.yaml"), "name: gate\nfilters:\n  - grook: {}\n");
    const inline =
      "gate: gate.yaml\n    door:\n      name: door\n      filters:\n        - grok: { match: { message: x }, brak: 1 }";
    const { out, code } = await run(command, inline, command === "plan" ? MONTH : []);
    // As JSON has it.
    const said = out.replaceAll("\\n", "\n");
    expect(said).toContain(`${join(dir, "gate.yaml")}:3:5: grook: unknown filter; did you mean grok?`);
    expect(said).toContain(`${join(dir, "gridharvest.yaml")}:10:42: grok.brak: unknown option`);
    expect(code).toBe(command === "doctor" ? 1 : 2);
  });

  it("are looked for where they are said to be", async () => {
    const { out, code } = await run("plan", "gate: nowhere.yaml", MONTH);
    expect(out).toContain(
      `${join(dir, "gridharvest.yaml")}:6:5: pipelines.services.gate: ${join(dir, "nowhere.yaml")}`,
    );
    expect(code).toBe(2);
  });
});
