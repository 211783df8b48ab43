import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { createLog } from "../log.ts";
import { dangerText } from "../pipelines/danger-text.ts";
import { readRules } from "../pipelines/rules-of.ts";

/** The operator's own pipelines, with their patterns and databases. */
export const pipelineChecks: readonly Check[] = [{ name: "pipelines", timeoutSeconds: 60, run: checkPipelines }];

async function checkPipelines({ resolved, makeRules }: DoctorContext): Promise<readonly Finding[]> {
  const { rules, dangers } = await readRules(resolved, makeRules, createLog({ level: "error" }));
  const own = Object.keys(resolved.config.pipelines.services);
  const parts = [
    own.length > 0 ? `of your own for ${own.join(", ")}` : "those of the program",
    ...(rules.databases.length > 0 ? [`databases ${rules.databases.map(({ name }) => name).join(", ")}`] : []),
  ];
  return [
    { level: "ok", text: parts.join("; ") },
    ...dangers.map((danger): Finding => ({ level: "warning", text: dangerText(danger) })),
  ];
}
