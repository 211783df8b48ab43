import type { PbsDialect } from "../batch-system.ts";
import { local } from "./local.ts";
import { openpbs } from "./openpbs.ts";
import { slurm } from "./slurm.ts";
import { torque } from "./torque.ts";

/** Every dialect by its name. To add one: CONTRIBUTING.md, "A new dialect". */
export const DIALECTS = { local, torque, openpbs, slurm } as const satisfies Record<string, PbsDialect>;
export type DialectName = keyof typeof DIALECTS;
