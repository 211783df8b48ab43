import { dashboardAddresses } from "../../monitoring/index.ts";
import { decide, type CampaignContext } from "../context.ts";
import { createNotifier, type Notifier } from "./notifier.ts";

export type { Notifier } from "./notifier.ts";

/** The notifier of a campaign; undefined when nobody wants to know. */
export function notifierOf(ctx: CampaignContext): Notifier | undefined {
  const { config, paths, record } = ctx;
  if (!config.notify.webhook && !config.notify.mail) return undefined;
  const web = ctx.access.graphiteWeb?.url;
  const scope = { prefix: config.metrics.prefix, campaign: record.id };
  const dashboard = web === undefined ? undefined : dashboardAddresses(web, scope)[0]?.url;
  return createNotifier({
    campaign: record.id,
    config: config.notify,
    links: {
      directory: paths.dir,
      log: paths.orchestratorLog,
      report: paths.reportMd,
      ...(dashboard === undefined ? {} : { dashboard }),
    },
    records: ctx.journal.records,
    view: ctx.view,
    decide: (entry) => decide(ctx, entry),
    log: ctx.log,
  });
}
