import type { PbsDialect } from "../batch-system.ts";
import { fit } from "../job-values.ts";
import { torque } from "./torque.ts";

/** The embedded batch system: it speaks Torque's command line and output. */
export const local: PbsDialect = {
  ...torque,
  name: "local",
  // It holds no jobs; what can never run it refuses at once.
  dryRun: "none",
  // Files are not copied by anybody's shell, so paths may hold what they like.
  submitArgv: (spec) => [
    "qsub",
    "-o",
    fit("path", "output path", spec.outputFile),
    "-e",
    fit("path", "output path", spec.errorFile),
    fit("path", "path of a job script", spec.scriptFile),
  ],
};
