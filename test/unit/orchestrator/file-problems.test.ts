import { describe, expect, it } from "vitest";
import { fileProblemsOf, problemText } from "../../../orchestrator/file-problems.ts";
import type { Plan } from "../../../orchestrator/plan.ts";
import type { FailedJob } from "../../../orchestrator/spool.ts";

const file = (fileId: string) => ({ origin: { fileId, path: `hosts/${fileId}` } });
const pipe = { path: "hosts/pipe", code: "NOT_A_FILE", problem: "is a pipe", remedy: "move it away" };
const plan = { files: [file("a"), file("b"), file("c")], problems: [pipe] } as unknown as Plan;
const failedOf = (fileId: string, reason: string): FailedJob =>
  ({ queue: "parse", id: `${fileId}-0`, reason, attempts: 1, chunk: file(fileId) }) as unknown as FailedJob;

describe("files that are not whole", () => {
  it("are those that planning refused, loading gave up or unpacking found cut off", () => {
    const failed = [failedOf("a", "FILE_CHANGED: /x/a was 3 bytes long; now 4; plan the month again")];
    const cut = {
      fileId: "b",
      path: "hosts/b",
      length: 70,
      chunks: 1,
      truncatedAt: 70,
      problem: "breaks off; fetch it again",
    };
    expect(fileProblemsOf(plan, failed, [], new Map([["b", cut]]))).toEqual([
      {
        path: "hosts/a",
        code: "FILE_CHANGED",
        problem: "/x/a was 3 bytes long; now 4",
        remedy: "plan the month again",
        truncatedAt: 0,
      },
      { path: "hosts/b", problem: "breaks off", remedy: "fetch it again", truncatedAt: 70 },
      pipe,
    ]);
  });

  it("are told with what to do", () => {
    expect(problemText(pipe)).toBe("hosts/pipe: is a pipe; move it away");
    expect(problemText({ path: "p", problem: "breaks off", truncatedAt: 7, remedy: "fetch it again" })).toBe(
      "p: breaks off (truncated at offset 7); fetch it again",
    );
  });
});
