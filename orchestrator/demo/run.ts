import { randomBytes } from "node:crypto";
import { describeError } from "../../worker/contract/errors.ts";
import type { Io } from "../cli/command.ts";
import { statePaths } from "../paths.ts";
import { servicesStatus } from "../services/index.ts";
import { endCampaign } from "./campaign-run.ts";
import { CommandLine } from "./command-line.ts";
import { lookBefore, type Before } from "./leftovers.ts";
import type { DemoSite } from "./site.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** What all parts of one demo share. */
export interface Run {
  readonly site: DemoSite;
  readonly io: Io;
  readonly watch: Stopwatch;
  readonly line: CommandLine;
  readonly before: Before;
  /** The campaign's id. */
  readonly id: string;
  /** Services that ran before are somebody else's to end. */
  readonly servicesWereUp: boolean;
}

/** Looks at what is there before anything is started. */
export async function startRun(site: DemoSite, io: Io, watch: Stopwatch): Promise<Run> {
  return {
    site,
    io,
    watch,
    line: new CommandLine(site.configFile, site.logFile),
    before: lookBefore(site.config),
    // A name of our own, so that the campaign can be ended even if launching it was cut short.
    id: `demo-${randomBytes(3).toString("hex")}`,
    servicesWereUp: await servicesAreUp(site),
  };
}

async function servicesAreUp(site: DemoSite): Promise<boolean> {
  const services = await servicesStatus(site.config, statePaths(site.config.stateDir));
  return services.some(({ kind, state }) => kind === "embedded" && state !== "down");
}

/** Ends the services unless they ran before the demo. */
export async function endServices({ line, servicesWereUp }: Run, signal: AbortSignal): Promise<void> {
  if (!servicesWereUp) await line.json(["services", "down"], signal);
}

/** Ends what a demo that was cut short has started, however far it came. Never throws. */
export async function cleanUp(run: Run): Promise<void> {
  const { io, line, site, id } = run;
  const signal = new AbortController().signal;
  const attempt = async (what: string, words: readonly string[], work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      io.log.error(`${what}: ${describeError(error)}; do it by hand: ${line.say(...words)}`);
    }
  };
  await attempt("could not end the campaign", ["teardown", id], () =>
    endCampaign(line, site.config.stateDir, id, io, signal),
  );
  await attempt("could not end the services", ["services", "down"], () => endServices(run, signal));
}
