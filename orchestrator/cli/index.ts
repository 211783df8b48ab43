import type { Command } from "./command.ts";

/** A row of the command table. A command's file is loaded when it is called, or when help lists them all. */
export interface CommandRow {
  readonly name: string;
  load(): Promise<Command>;
}

/**
 * Every command, in the order in which help shows them. To add one: a file beside this one (see `command.ts`)
 * and a row here.
 */
export const COMMANDS: readonly CommandRow[] = [
  { name: "doctor", load: async () => (await import("./doctor.ts")).doctor },
  { name: "sample", load: async () => (await import("./sample.ts")).sample },
  { name: "parse", load: async () => (await import("./parse.ts")).parse },
  { name: "plan", load: async () => (await import("./plan.ts")).plan },
  { name: "simulate", load: async () => (await import("./simulate.ts")).simulate },
  { name: "launch", load: async () => (await import("./launch.ts")).launch },
  { name: "list", load: async () => (await import("./list.ts")).list },
  { name: "status", load: async () => (await import("./status.ts")).status },
  { name: "why", load: async () => (await import("./why.ts")).why },
  { name: "watch", load: async () => (await import("./watch.ts")).watch },
  { name: "pause", load: async () => (await import("./tell.ts")).pause },
  { name: "resume", load: async () => (await import("./tell.ts")).resume },
  { name: "cancel", load: async () => (await import("./tell.ts")).cancel },
  { name: "adopt", load: async () => (await import("./adopt.ts")).adopt },
  { name: "scale", load: async () => (await import("./scale.ts")).scale },
  { name: "budget", load: async () => (await import("./budget.ts")).budget },
  { name: "limit", load: async () => (await import("./limit.ts")).limit },
  { name: "ceiling", load: async () => (await import("./ceiling.ts")).ceiling },
  { name: "tune", load: async () => (await import("./tune.ts")).tune },
  { name: "verify", load: async () => (await import("./verify.ts")).verify },
  { name: "rejects", load: async () => (await import("./rejects.ts")).rejects },
  { name: "serve", load: async () => (await import("./serve.ts")).serve },
  { name: "extend", load: async () => (await import("./extend.ts")).extend },
  { name: "restore-into", load: async () => (await import("./restore-into.ts")).restoreInto },
  { name: "revisions", load: async () => (await import("./revisions.ts")).revisions },
  { name: "teardown", load: async () => (await import("./teardown.ts")).teardown },
  { name: "reap", load: async () => (await import("./reap.ts")).reap },
  { name: "logs", load: async () => (await import("./logs.ts")).logs },
  { name: "render", load: async () => (await import("./render.ts")).render },
  { name: "config", load: async () => (await import("./config.ts")).config },
  { name: "services", load: async () => (await import("./services.ts")).services },
  { name: "dashboard", load: async () => (await import("./dashboard.ts")).dashboard },
  { name: "orchestrate", load: async () => (await import("./orchestrate.ts")).orchestrate },
  { name: "gateway", load: async () => (await import("./gateway.ts")).gateway },
  { name: "at-gateway", load: async () => (await import("./at-gateway.ts")).atGateway },
];
