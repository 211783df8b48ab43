import type { Course } from "../tuning/replay.ts";
import { GridError } from "../../worker/contract/errors.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatBytes, formatCount, formatTable } from "./io.ts";
import { siteOf } from "./site.ts";

/** `gridharvest tune replay ID`: the tuner's decisions once more, offline, under another policy. */
export const tune: Command = {
  name: "tune",
  register(program, run) {
    const group = program
      .command("tune")
      .description("Look into how a campaign found its bulk size and its requests in flight")
      .addHelpText("after", examples("gridharvest tune replay 2013-01-k3f9a"));
    withConfig(
      group
        .command("replay <id>")
        .description(
          "Decide once more what a campaign's tuner decided, from what it saw, under another policy; of settings that were never tried the nearest one counts",
        ),
    )
      .option(
        "--policy <key=value>",
        "one value of the policy, e.g. windowSeconds=8 or bulkBytes.max=4MiB; may be repeated",
        (value: string, all: readonly string[] = []) => [...all, value],
      )
      .addHelpText(
        "after",
        examples(
          "gridharvest tune replay 2013-01-k3f9a",
          "gridharvest tune replay 2013-01-k3f9a --policy gain=0.06 --policy windowSeconds=8 --json",
        ),
      )
      .action((id: string, options: ConfigOptions & { readonly policy?: readonly string[] }) =>
        run(async (io) => {
          const { loadCampaign } = await import("../campaign-store.ts");
          const { readJournal } = await import("../journal.ts");
          const { policyOf } = await import("../tuning/policy.ts");
          const { policyWith } = await import("../tuning/policy-options.ts");
          const { readTuning } = await import("../tuning/record.ts");
          const { recordedCourse, replay } = await import("../tuning/replay.ts");
          const { record, paths } = await loadCampaign((await siteOf(options, io)).stateDir, id);
          const policy = policyWith(policyOf(record.config), options.policy ?? []);
          const records = await readTuning(paths.tuning);
          if (records.length === 0) {
            throw new GridError(
              "NOTHING_TUNED",
              `campaign ${id} has loaded nothing yet, so its tuner has seen nothing`,
            );
          }
          const decisions = (await readJournal(paths.journal)).records.filter((entry) => entry.type === "tuned");
          const recorded = recordedCourse(records, decisions);
          const replayed = replay(records, policy);
          print(io, { id, seconds: records.length, policy, recorded, replayed }, () =>
            [
              `recorded, ${formatCount(recorded.documentsPerSecond)} documents/s`,
              courseText(recorded),
              `under this policy, ${formatCount(replayed.documentsPerSecond)} documents/s`,
              courseText(replayed),
            ].join("\n"),
          );
          return 0;
        }),
      );
  },
};

function courseText({ steps }: Course): string {
  return formatTable(
    [
      { title: "SECOND", align: "right" },
      { title: "REQUESTS", align: "right" },
      { title: "BODY", align: "right" },
      { title: "COMPRESSED" },
      { title: "DOCUMENTS/S", align: "right" },
      { title: "WHY" },
    ],
    steps.map(({ second, budgets, documentsPerSecond, reason }) => [
      String(second),
      String(budgets.requestsInFlight),
      formatBytes(budgets.bulkBytes),
      budgets.compressed ? "yes" : "",
      formatCount(documentsPerSecond),
      reason ?? "where it began",
    ]),
  );
}
