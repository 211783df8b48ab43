import { describe, expect, it } from "vitest";

import type { CommandResult, JobStatus, PbsDialect } from "../../../../pbs/batch-system.ts";
import { DIALECTS } from "../../../../pbs/index.ts";
import { BackfillError } from "../../../../worker/contract/errors.ts";
import { capture, capturesOf } from "../captures.ts";

/**
 * What every capture of a question that the dialects ask is read as, one line each, against a file that people can look through.
 * `npx vitest run --project unit -u` writes it anew.
 */

/** Times as spans: the clock of a capture is local time. */
function describeJob(job: JobStatus): string {
  const seconds = (from?: number, to?: number): string | undefined =>
    from === undefined || to === undefined ? undefined : `${String((to - from) / 1000)}s`;
  const facts = {
    end: job.end,
    exit: job.exitStatus,
    restarts: job.restarts,
    hosts: job.hosts.join(",") || undefined,
    waited: seconds(job.queuedAt, job.startedAt),
    ran: seconds(job.startedAt, job.endedAt),
  };
  const text = Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return [job.id, job.name, job.state, ...text].join(" ");
}

function readStatuses(dialect: PbsDialect, out: CommandResult): string[] {
  for (const format of dialect.statusFormats) {
    const statuses = format.parse(out);
    if (typeof statuses !== "string") return statuses.map(describeJob);
  }
  return ["unreadable"];
}

function read(dialect: PbsDialect, out: CommandResult): string[] | undefined {
  const command = out.argv.join(" ").replace(/^timeout \d+ /, "");
  // Options that we never use print other tables.
  if (/^qsub (?!.*--sbatchline|--version)/.test(command)) return [dialect.parseSubmit(out)];
  if (/^qdel/.test(command)) return [dialect.parseCancel(out)];
  if (/^qstat (?:-\w+ )*-\w*[fx]/.test(command) && !/-Q|-B|-t|dsv|-x \d/.test(command))
    return readStatuses(dialect, out);
  if (/^(?:qstat -Qf|scontrol show partition)/.test(command)) {
    return dialect.parseLimits(out).map((limits) => JSON.stringify(limits));
  }
  if (/^pbsnodes/.test(command) && !/--version| -l/.test(command)) {
    return dialect
      .parseNodes(out)
      .map(({ name, state, slots, freeSlots, properties, note }) =>
        [name, state, slots, freeSlots ?? "?", properties.join(",") || "-", note ?? ""].join(" ").trim(),
      );
  }
  return undefined;
}

/** The embedded one has no captures: its programs are here. */
const CAPTURED = Object.values(DIALECTS).filter(({ name }) => name !== "local");

describe.each(CAPTURED)("every capture of $name", (dialect) => {
  it("is read as the file says", async () => {
    const lines: string[] = [];
    for (const name of capturesOf(dialect.name, "")) {
      if (name.endsWith("/job-environment") || name.endsWith("/as-griduser")) continue;
      const file = name.slice(dialect.name.length + 1);
      try {
        for (const line of read(dialect, capture(name)) ?? []) lines.push(`${file}: ${line}`);
      } catch (error) {
        if (!(error instanceof BackfillError)) throw error;
        lines.push(`${file}: ${error.code}${error.retryable ? " (again)" : ""}`);
      }
    }
    expect(lines.length).toBeGreaterThan(60);
    expect(lines.filter((line) => / unknown(?: |$)/.test(line))).toEqual([]);
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot(
      new URL(`../../../fixtures/pbs/${dialect.name}.read.txt`, import.meta.url).pathname,
    );
  });
});
