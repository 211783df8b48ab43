import type { PbsDialect } from "../batch-system.ts";
import { local } from "./local.ts";
import { slurm } from "./slurm.ts";
import { torque } from "./torque.ts";

/** Every dialect by its name. To add one: a file beside this one, a row here, its captures in test/fixtures/pbs. */
export const DIALECTS = { local, torque, slurm } as const satisfies Record<string, PbsDialect>;
export type DialectName = keyof typeof DIALECTS;
