import type { PbsDialect } from "../batch-system.ts";
import { torque } from "./torque.ts";

/** The embedded batch system: it speaks Torque's command line and output. */
export const local: PbsDialect = { ...torque, name: "local" };
