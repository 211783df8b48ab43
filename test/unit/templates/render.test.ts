import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";
import { parse } from "yaml";

import { readTemplate } from "../../../templates/files.ts";
import { renderText } from "../../../templates/render.ts";
import { BackfillError, ConfigError } from "../../../worker/contract/errors.ts";

const render = (text: string, values: Record<string, unknown> = {}): string => renderText("t.tmpl", text, values);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(BackfillError);
    expect((error as Error).message).toContain("t.tmpl");
    return (error as BackfillError).code;
  }
  return "no error";
}

const HOSTILE = [
  "",
  "plain",
  "it's",
  "$(touch /nowhere) `id` ${HOME} !! \\ \" ' ; & | > < * ? ~",
  "-n",
  "two\nlines\r\n\ttab",
  "#comment",
  "no",
  "012",
  "~",
  "{{ x }} {% if %}",
  "$&$1",
  "čeština 🐙 \u0085\u2028\u2029\ufeff\u007f\u0001",
];

describe("strictness of a template", () => {
  it.each([
    ["no filter", "{{ x }}"],
    ["an ordinary filter only", "{{ x | upper }}"],
    ["two targets", "{{ x | sh | yaml }}"],
    ["a target below an ordinary filter", "{{ x | sh | upper }}"],
    ["a target inside an expression", "{{ (x | sh) ~ 'a' }}"],
    ["a target outside an output", "{% if x | sh %}a{% endif %}"],
    ["an inline condition around it", "{{ x | sh if x }}"],
    ["an unknown filter", "{{ x | shell }}"],
    ["a name of Object.prototype", "{{ x | toString }}"],
    ["a missing name", "{{ y | sh }}"],
    ["a missing name in a condition", "{% if y %}a{% endif %}"],
    ["a missing name in a loop", "{% for a in y %}{{ a | sh }}{% endfor %}"],
    ["a missing member", "{{ o.q | sh }}"],
    ["a missing member in a condition", "{% if o.q %}a{% endif %}"],
    ["an include", "{% include 'other' %}"],
    ["a macro", "{% macro m(a) %}{{ a | sh }}{% endmacro %}"],
    ["broken syntax", "{% if x"],
  ])("refuses %s", (_, text) => {
    expect(codeOf(() => render(text, { x: "1", o: { p: 1 } }))).toBe("TEMPLATE_INVALID");
  });

  it("allows conditions, loops, set, members, null and ordinary filters before the target", () => {
    const text = [
      "{% set greeting = o.word %}",
      "{% for entry in list %}",
      "{{ loop.index | none }} {{ greeting | upper | sh }} {{ entry | sh }}",
      "{% endfor %}",
      "{% if absent %}",
      "never",
      "{% endif %}",
      "{# a remark #}",
      "end | none",
      "",
    ].join("\n");
    expect(render(text, { o: { word: "hi" }, list: ["a", "b c"], absent: null })).toBe(
      "1 HI a\n2 HI 'b c'\n\nend | none\n",
    );
  });

  it.each([
    ["sh", "a\0b"],
    ["sh", {}],
    ["sh", null],
    ["directive", "a\nb"],
    ["directive", "a\u2028b"],
    ["haproxy", "a\nb"],
    ["haproxy", ["a"]],
    ["ssh", "a\nb"],
    ["ssh", 'a"b'],
    ["ssh", "%h"],
    ["ssh", "$" + "{HOME}"],
    ["ssh", "a\\b"],
    ["ssh", ""],
    ["json", NaN],
    ["json", { a: () => 1 }],
    ["yaml", { a: Symbol.iterator }],
    ["none", null],
  ])("refuses a value that %s cannot write: %j", (target, value) => {
    expect(codeOf(() => render(`{{ x | ${target} }}`, { x: value }))).toBe("TEMPLATE_VALUE");
  });

  it("blames the value's giver, not the program, and shows no value", () => {
    const run = (): string => render("{{ x | directive }}", { x: "secret\n" });
    expect(run).toThrow(ConfigError);
    expect(run).not.toThrow(/secret/);
  });

  it("names a template that is not there", () => {
    expect(() => readTemplate("templates/nowhere.tmpl")).toThrow(/templates\/nowhere\.tmpl/);
    expect(() => readTemplate("../package.json")).toThrow(/below the package's root/);
    expect(readTemplate("package.json")).toContain('"gridharvest"');
  });
});

describe("hostile values per target", () => {
  it("sh: bash gives back every word", () => {
    const script = render("printf '%s\\0' {{ words | sh }}\n", { words: HOSTILE });
    const out = execFileSync("bash", ["-c", script], { encoding: "utf8" });
    expect(out.split("\0").slice(0, -1)).toEqual(HOSTILE);
  });

  it("yaml: keys, scalars and nested values are read back as they were", () => {
    const text = render(
      "{% for k in words %}\n{{ k | yaml }}: {{ { v: k, n: [1, true, null] } | yaml }}\n{% endfor %}",
      {
        words: HOSTILE,
      },
    );
    for (const version of ["1.1", "1.2"] as const) {
      expect(parse(text, { version })).toEqual(
        Object.fromEntries(HOSTILE.map((word) => [word, { v: word, n: [1, true, null] }])),
      );
    }
  });

  it("json: parsed back as it was", () => {
    expect(JSON.parse(render("[{{ words | json }}, {{ o | json }}]", { words: HOSTILE, o: { a: 1 } }))).toEqual([
      HOSTILE,
      { a: 1 },
    ]);
  });

  it("directive: one line as it is", () => {
    expect(render("#PBS {{ x | directive }}\n", { x: "-N a  b'c\"" })).toBe("#PBS -N a  b'c\"\n");
  });

  const haproxyMissing = spawnSync("haproxy", ["-v"]).status !== 0;
  it.skipIf(haproxyMissing)("haproxy: the real parser takes every word as one", () => {
    const words = HOSTILE.filter((word) => word !== "" && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(word));
    expect(words.length).toBeGreaterThan(6);
    const dir = mkdtempSync(join(tmpdir(), "gridharvest-haproxy-"));
    try {
      for (const word of words) {
        const file = join(dir, "haproxy.cfg");
        // `cookie` takes exactly one word; another one after it is no keyword and a fatal error.
        const text = [
          "defaults",
          "  mode http",
          "  timeout client 1s",
          "  timeout connect 1s",
          "  timeout server 1s",
          "frontend f",
          "  bind 127.0.0.1:65000",
          "  default_backend b",
          "backend b",
          "  server s 127.0.0.1:1 cookie {{ word | haproxy }}",
          "",
        ].join("\n");
        writeFileSync(file, renderText("haproxy.cfg", text, { word }));
        const { status, stderr } = spawnSync("haproxy", ["-c", "-f", file], { encoding: "utf8" });
        expect(`${String(status)} ${word} ${status === 0 ? "" : stderr}`).toBe(`0 ${word} `);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  const sshMissing = spawnSync("ssh", ["-V"]).status !== 0;
  it.skipIf(sshMissing)("ssh: the real parser takes every argument as one", () => {
    const words = HOSTILE.filter(
      (word) => word !== "" && !/["%$\\]|[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(word),
    );
    expect(words.length).toBeGreaterThan(6);
    const dir = mkdtempSync(join(tmpdir(), "gridharvest-ssh-"));
    try {
      for (const word of words) {
        const file = join(dir, "config");
        writeFileSync(file, renderText("config", "Host x\n  IdentityFile {{ word | ssh }}\n", { word: `/k/${word}` }));
        const { status, stdout, stderr } = spawnSync("ssh", ["-G", "-T", "-F", file, "x"], { encoding: "utf8" });
        expect(`${String(status)} ${stderr}`).toBe("0 ");
        expect(stdout.split("\n")).toContain(`identityfile /k/${word}`);
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
