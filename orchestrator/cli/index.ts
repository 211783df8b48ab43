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
  { name: "plan", load: async () => (await import("./plan.ts")).plan },
  { name: "services", load: async () => (await import("./services.ts")).services },
  { name: "dashboard", load: async () => (await import("./dashboard.ts")).dashboard },
  { name: "config", load: async () => (await import("./config.ts")).config },
];
