import type { Check, Finding } from "../doctor.ts";
import { createLog } from "../log.ts";
import { ensureBundles } from "../runtimes/bundles.ts";

/** gridharvest's own parts: whether the installation is whole. */
export const selfChecks: readonly Check[] = [{ name: "program bundles", run: checkBundles }];

async function checkBundles(): Promise<Finding> {
  const bundles = await ensureBundles(createLog({ level: "error" }));
  return { level: "ok", text: Object.values(bundles).join(", ") };
}
