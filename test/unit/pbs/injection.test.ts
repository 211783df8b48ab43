import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";

import type { JobSpec } from "../../../pbs/batch-system.ts";
import { DIALECTS } from "../../../pbs/index.ts";
import { renderJobScript } from "../../../pbs/job-script.ts";
import { ConfigError } from "../../../worker/contract/errors.ts";

/**
 * Values from outside in job scripts and on command lines: whatever they hold, they stay one value or are refused by name.
 */

const HOSTILE = [
  "$(touch pwned)",
  "`touch pwned`",
  "'; touch pwned; '",
  '"; touch pwned; "',
  "a b",
  "a\nb",
  "a\n#PBS -l walltime=1",
  "a\r#SBATCH --wrap=id",
  "--wrap=id",
  "-o",
  "a,b=c",
  "a:ppn=99",
  "a+9:ppn=9",
  "%j%%x",
  "a\\b",
  "a|b&c",
  "~root",
  "*",
  "a\0b",
  "é",
  "a\u2028b",
  "${HOME}",
  "!!",
  "",
];
const hostile = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 20 }));
/** Sound often enough that whole specifications are, too. */
const often = <T>(sound: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: sound }, { weight: 1, arbitrary: other });
const word = often(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), hostile);
const path = often(
  fc.oneof(
    hostile.map((text) => `/c/${text}/f`),
    fc.constant("/c/plain/f"),
  ),
  hostile,
);

const specs: fc.Arbitrary<JobSpec> = fc.record(
  {
    name: word,
    queue: word,
    host: word,
    cpus: often<number>(fc.integer({ min: 1, max: 64 }), fc.constantFrom(0, -1, 1.5, Number.NaN)),
    memoryBytes: fc.integer({ min: 1, max: 2 ** 40 }),
    walltimeSeconds: often<number>(
      fc.integer({ min: 1, max: 10 ** 6 }),
      fc.constantFrom(0, 0.5, Number.POSITIVE_INFINITY),
    ),
    outputFile: path,
    errorFile: path,
    scriptFile: path,
    extraDirectives: fc.array(hostile, { maxLength: 2 }),
    properties: fc.array(word, { maxLength: 2 }),
    excludeHosts: fc.array(word, { maxLength: 2 }),
  },
  {
    requiredKeys: [
      "name",
      "cpus",
      "memoryBytes",
      "walltimeSeconds",
      "outputFile",
      "errorFile",
      "scriptFile",
      "extraDirectives",
    ],
  },
);

/** The result, or undefined when the values were refused by name. */
function unlessRefused<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigError && ["BATCH_VALUE", "TEMPLATE_VALUE"].includes(error.code)) return undefined;
    throw error;
  }
}

const root = mkdtempSync(join(tmpdir(), "gridharvest-injection-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Prints where it is and what it was given, each ended by a NUL. */
const recorder = join(root, "recorder");
writeFileSync(recorder, `#!/bin/sh\nprintf '%s\\0' "$PWD" "$@"\n`);
chmodSync(recorder, 0o755);

describe.each(Object.values(DIALECTS))("a job of $name", (dialect) => {
  it("asks for what the specification says and for nothing else", () => {
    let rendered = 0;
    fc.assert(
      fc.property(specs, (spec) => {
        const script = unlessRefused(() =>
          renderJobScript({ spec, dialect, node: "/n", agentBundle: "/a", jobDir: "/j" }),
        );
        if (script === undefined) return;
        rendered += 1;
        const head = script.slice(0, script.indexOf("\n\n")).split("\n");
        // A line for each directive: no value has made another.
        expect(head).toHaveLength(1 + dialect.directives(spec).length);
        for (const line of head.slice(1)) expect(line).toMatch(/^#/);
        const ours = head.filter((line) => !spec.extraDirectives.some((extra) => line.endsWith(extra)));
        for (const line of ours.slice(1))
          expect(line).toMatch(/^#(?:PBS|SBATCH) -[\w-]+(?:[ =][\w.,:@+=&-]+)?(?: \w)?$/);
        expect(script.slice(script.indexOf("\n\n"))).toBe(BODY);
      }),
      { numRuns: 200 },
    );
    expect(rendered).toBeGreaterThan(10);
  });

  it("goes to the batch system by the paths of the specification, through whatever shell is between", () => {
    let submitted = 0;
    const seen: string[][] = [];
    const wanted: string[][] = [];
    const lines: string[] = [];
    fc.assert(
      fc.property(specs, (spec) => {
        const argv = unlessRefused(() => dialect.submitArgv(spec));
        if (argv === undefined) return;
        submitted += 1;
        expect(argv).toHaveLength(6);
        const [, , output = "", , error = "", script = ""] = argv;
        for (const value of [output, error, script]) expect(value).not.toMatch(/^-/);
        const real = [spec.outputFile, spec.errorFile, spec.scriptFile];
        if (dialect.name !== "slurm") {
          expect([output, error, script]).toEqual(real);
          return;
        }
        // As the wrapper does it: joined by blanks, for a shell.
        lines.push(`'${recorder}' -o ${output} -e ${error} ${script} 2>&1`);
        wanted.push([
          "-o",
          real[0]?.replaceAll("%", "%%") ?? "",
          "-e",
          real[1]?.replaceAll("%", "%%") ?? "",
          real[2] ?? "",
        ]);
      }),
      { numRuns: 200 },
    );
    for (let from = 0; from < lines.length; from += 40) {
      const some = lines.slice(from, from + 40);
      const { stdout, stderr } = spawnSync("sh", ["-c", `${some.join("\n")}\n`], { cwd: root, encoding: "utf8" });
      expect(stderr).toBe("");
      const words = stdout.split("\0").slice(0, -1);
      for (let i = 0; i < words.length; i += 6) seen.push(words.slice(i + 1, i + 6));
    }
    expect(seen).toEqual(wanted);
    expect(submitted).toBeGreaterThan(10);
  });
});

const BODY = (() => {
  const spec: JobSpec = {
    name: "a",
    cpus: 1,
    memoryBytes: 1,
    walltimeSeconds: 1,
    outputFile: "/o",
    errorFile: "/e",
    scriptFile: "/s",
    extraDirectives: [],
  };
  const script = renderJobScript({ spec, dialect: DIALECTS.local, node: "/n", agentBundle: "/a", jobDir: "/j" });
  return script.slice(script.indexOf("\n\n"));
})();

it("a script runs in the folder that it was made for, with the file that it was given, whatever their names", () => {
  const names = fc.oneof(
    fc.constantFrom(...HOSTILE.filter((text) => text !== "" && !text.includes("\0"))),
    fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => !/[/\0]/.test(text) && !/^\.{1,2}$/.test(text)),
  );
  let runs = 0;
  fc.assert(
    fc.property(names, (name) => {
      const jobDir = join(root, String(++runs), name);
      mkdirSync(jobDir, { recursive: true });
      const spec: JobSpec = {
        name: "a",
        cpus: 1,
        memoryBytes: 1,
        walltimeSeconds: 1,
        outputFile: "/o",
        errorFile: "/e",
        scriptFile: join(jobDir, "job.pbs"),
        extraDirectives: [],
      };
      const agentBundle = join(jobDir, "agent.mjs");
      const script = renderJobScript({ spec, dialect: DIALECTS.slurm, node: recorder, agentBundle, jobDir });
      const { stdout, stderr, status } = spawnSync("bash", ["-s"], { input: script, encoding: "utf8", cwd: root });
      expect(stderr).toBe("");
      expect(stdout).toBe([jobDir, agentBundle, join(jobDir, "node.json"), ""].join("\0"));
      expect(status).toBe(0);
    }),
    { numRuns: 25 },
  );
});
