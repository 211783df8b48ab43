import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endLine, readMarks, remoteLine } from "../../../../pbs/access/remote-line.ts";
import { findProgram } from "../../../../orchestrator/runtimes/run-tool.ts";

const options = { token: "mark-1", commandDirs: [] };
const WORDS = [
  "a b",
  "it's",
  '"',
  "$(id)",
  "`id`",
  "!!",
  "!$",
  "\n",
  "x\ny",
  "\r",
  "\\",
  "\\n",
  "\\0101",
  "a\\'b",
  "%s",
];
const MORE = ["*", "~", "=ls", "", "-n", "{a,b}", "ž😀", "\t", "#c", "$HOME", "'", "a=b", "|&;<>()", "^", "\u0007"];

/** The login shells that people have; those that are not on this machine are not asked. */
const SHELLS = ["sh", "bash", "dash", "zsh", "tcsh", "fish", "ksh"].filter((shell) => findProgram(shell));

describe("remoteLine", () => {
  it.each(SHELLS)("is read by %s as the words that were meant", (shell) => {
    const argv = ["printf", "<%s>", ...WORDS, ...MORE] as const;
    const { stdout, stderr } = spawnSync(shell, ["-c", remoteLine(argv, options)], { encoding: "utf8" });
    expect(stdout).toBe([...WORDS, ...MORE].map((word) => `<${word}>`).join(""));
    expect(readMarks(stderr, options.token)).toEqual({
      group: expect.any(Number) as number,
      exit: 0,
      missing: false,
      stderr: "",
    });
    for (const word of [...WORDS, ...MORE]) {
      const alone = spawnSync(shell, ["-c", remoteLine(["printf", "<%s>", word], options)], { encoding: "utf8" });
      expect(alone.stdout).toBe(`<${word}>`);
    }
  });

  it("stays one line, of which no character means anything within single quotes to any shell", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", ""))), (words) => {
        const line = remoteLine(["qsub", ...words], options);
        expect(line).not.toMatch(/[\r\n]/);
        if (line.includes("!")) expect(words.every((word) => !word.includes("!"))).toBe(true);
      }),
    );
  });

  it("can be read by people as long as the words are harmless", () => {
    expect(remoteLine(["qstat", "-f", "12.server"], options)).toMatch(/ sh mark-1 '' qstat -f 12\.server$/);
  });

  it("searches the extra directories first", () => {
    const line = remoteLine(["sh", "-c", "echo $PATH"], { ...options, commandDirs: ["/opt/pbs bin", "/x"] });
    expect(spawnSync("sh", ["-c", line], { encoding: "utf8" }).stdout).toMatch(/^\/opt\/pbs bin:\/x:\//);
  });

  it("tells a program that is not there from one that ends with 127", () => {
    const run = (...argv: readonly [string, ...string[]]) => {
      const { status, stderr } = spawnSync("sh", ["-c", remoteLine(argv, options)], { encoding: "utf8" });
      return { status, ...readMarks(stderr, options.token) };
    };
    expect(run("qnosuch")).toMatchObject({ status: 127, missing: true });
    expect(run("sh", "-c", "exit 127")).toMatchObject({ status: 127, missing: false, exit: 127 });
  });

  it("refuses a NUL", () => {
    expect(() => remoteLine(["qsub", "a\0b"], options)).toThrow(/NUL/);
  });
});

describe("readMarks", () => {
  it("takes its own lines out and leaves all others", () => {
    const stderr = "motd\nmark-1 group 12\nmark-2 exit 3\nfault\nmark-1 exit 255\n";
    expect(readMarks(stderr, "mark-1")).toEqual({
      group: 12,
      exit: 255,
      missing: false,
      stderr: "motd\nmark-2 exit 3\nfault\n",
    });
    expect(readMarks("mark-1 gro", "mark-1")).toEqual({ missing: false, stderr: "mark-1 gro" });
  });
});

describe("endLine", () => {
  it("does nothing to a group that is gone", () => {
    const { status } = spawnSync("sh", ["-c", endLine(2 ** 30)], { stdio: "ignore" });
    expect(status).toBe(0);
  });
});
