import { BackfillError, GridError } from "../worker/contract/errors.ts";
import type { Argv, BatchSystem, CommandResult, CommandRunner, JobStatus, PbsDialect } from "./batch-system.ts";

/**
 * A batch system from its dialect and a way to run commands. Every command stands under the time limit.
 * @param user whose jobs `list` gives; all jobs when absent
 */
export function pbsBatchSystem(
  dialect: PbsDialect,
  runner: CommandRunner,
  timeoutSeconds: number,
  user?: string,
): BatchSystem {
  const run = (argv: Argv, signal: AbortSignal): Promise<CommandResult> => runner.run(argv, { timeoutSeconds, signal });
  return {
    dialect: dialect.name,

    async submit(spec, signal) {
      signal.throwIfAborted();
      let out: CommandResult;
      try {
        out = await run(dialect.submitArgv(spec), signal);
      } catch (error) {
        if (error instanceof BackfillError && !error.retryable) throw error;
        throw new GridError(
          "QSUB_UNANSWERED",
          `qsub of ${spec.name} did not answer; whether it submitted is found out by looking for the name`,
          { retryable: true, cause: error, context: { job: spec.name } },
        );
      }
      return dialect.parseSubmit(out);
    },

    async status(ids, signal) {
      const found = new Map<string, JobStatus>();
      if (ids.length === 0) return found;
      const byNumber = new Map(ids.map((id) => [numberOf(id), id]));
      for (const status of dialect.parseStatus(await run(dialect.statusArgv(ids), signal))) {
        // A server may print an id with another suffix than qsub did.
        const id = byNumber.get(numberOf(status.id));
        if (id !== undefined) found.set(id, { ...status, id });
      }
      return found;
    },

    async list(signal) {
      const jobs = dialect.parseStatus(await run(dialect.listArgv(), signal));
      return jobs.filter(({ owner }) => user === undefined || owner === undefined || owner === user);
    },

    async cancel(id, signal) {
      dialect.parseCancel(await run(dialect.cancelArgv(id), signal));
    },
  };
}

/** `12` of `12.server` and of `12`; `12[1]` stays itself. */
export function numberOf(id: string): string {
  return id.split(".", 1)[0] ?? id;
}
