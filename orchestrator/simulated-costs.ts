import { readFile } from "node:fs/promises";
import { ConfigError, describeError } from "../worker/contract/errors.ts";
import { loadCampaign } from "./campaign-store.ts";
import { readLedger } from "./ledger-export.ts";
import { machineCores } from "./machine-cores.ts";
import { withReplays } from "./replay/sums.ts";
import { costsSchema, DEFAULT_COSTS, type Costs } from "./simulation/costs.ts";
import { costsOfReport } from "./simulation/from-report.ts";
import { readReport } from "./status.ts";

/** Where the simulator's costs come from: a file of the operator's, or a campaign that has finished. */

/** The costs of a file: a JSON object with those that are not the defaults. @throws ConfigError `ARGUMENT_FILE` */
export async function readCosts(file: string): Promise<Costs> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new ConfigError("ARGUMENT_FILE", `--costs ${file} cannot be read: ${describeError(cause)}`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError("ARGUMENT_FILE", `--costs ${file} is not JSON: ${describeError(cause)}`, { cause });
  }
  const costs = costsSchema.safeParse(value);
  if (costs.success) return costs.data;
  const problems = costs.error.issues.map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`);
  throw new ConfigError(
    "ARGUMENT_FILE",
    `--costs ${file}: ${problems.join("; ")}. \`simulate --json\` prints all costs`,
  );
}

/** What a campaign that has finished has cost. @throws ConfigError `CAMPAIGN_UNKNOWN`; `USAGE` of one that says nothing of the costs */
export async function costsOfCampaign(stateDir: string, id: string, before: Costs = DEFAULT_COSTS): Promise<Costs> {
  const { record, paths } = await loadCampaign(stateDir, id);
  const report = await readReport(paths.reportJson);
  const ledger = await readLedger(paths.ledger).catch(() => []);
  // What was taken over of an earlier campaign has cost that one.
  const rows = withReplays(ledger.filter(({ carried }) => !carried));
  const isOver = report?.state === "done" || report?.state === "serving";
  if (
    !isOver ||
    report.serves ||
    report.loadSeconds === 0 ||
    report.storeMicrosPerDocument === 0 ||
    rows.length === 0
  ) {
    throw new ConfigError(
      "USAGE",
      `campaign ${id} has not finished a load, so it says nothing of what things cost; name one that has`,
      {
        context: { campaign: id },
      },
    );
  }
  const indices = rows.reduce((sum, row) => sum + Object.keys(row.perIndex).length, 0) / rows.length;
  return costsOfReport(report, record.config, indices, machineCores(record.config), before);
}
