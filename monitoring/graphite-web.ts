import { StoreError } from "../worker/contract/errors.ts";
import { buildDashboard, dashboardName, type DashboardScope } from "./dashboards.ts";
import { DASHBOARDS, type DashboardName } from "./metrics.ts";
import { pathPart, prefixPath } from "./metric-path.ts";

/** Where a dashboard can be looked at. */
export interface DashboardAddress {
  readonly dashboard: DashboardName;
  readonly name: string;
  readonly url: string;
}

const TIMEOUT_MS = 20_000;

/** The addresses of the dashboards in a graphite-web. Asks nothing of it. */
export function dashboardAddresses(webUrl: string, scope: DashboardScope): readonly DashboardAddress[] {
  return (Object.keys(DASHBOARDS) as DashboardName[]).map((dashboard) => {
    const name = dashboardName(dashboard, scope);
    return { dashboard, name, url: `${base(webUrl)}/dashboard/${encodeURIComponent(name)}` };
  });
}

/**
 * Saves the dashboards of a campaign (or, with `campaign: "*"`, of all campaigns together) into a graphite-web, over
 * those of the same names.
 * @throws StoreError `GRAPHITE_UNREACHABLE`, `GRAPHITE_REFUSED`
 */
export async function saveDashboards(
  webUrl: string,
  scope: DashboardScope,
  signal?: AbortSignal,
): Promise<readonly DashboardAddress[]> {
  const addresses = dashboardAddresses(webUrl, scope);
  for (const { dashboard, name } of addresses) {
    const url = `${base(webUrl)}/dashboard/save/${encodeURIComponent(name)}`;
    const state = JSON.stringify(buildDashboard(dashboard, scope));
    const answer = await ask(url, signal, { method: "POST", body: new URLSearchParams({ state }) });
    if (!isSuccess(answer)) {
      throw new StoreError(
        "GRAPHITE_REFUSED",
        `saving the dashboard ${name} at ${url} was refused: ${JSON.stringify(answer)}; graphite-web must allow saving without a login (DASHBOARD_REQUIRE_AUTHENTICATION)`,
        { context: { url } },
      );
    }
  }
  return addresses;
}

/** How many metric paths a campaign has in Graphite. */
export async function countMetricPaths(webUrl: string, scope: DashboardScope, signal?: AbortSignal): Promise<number> {
  const campaign = scope.campaign === "*" ? "*" : pathPart(scope.campaign);
  const query = `${prefixPath(scope.prefix)}.${campaign}.*.*.*.*`;
  const answer = await ask(
    `${base(webUrl)}/metrics/expand?${new URLSearchParams({ query, leavesOnly: "1" }).toString()}`,
    signal,
  );
  return typeof answer === "object" && answer !== null && "results" in answer && Array.isArray(answer.results)
    ? answer.results.length
    : 0;
}

async function ask(url: string, signal: AbortSignal | undefined, init: RequestInit = {}): Promise<unknown> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    text = await response.text();
  } catch (cause) {
    signal?.throwIfAborted();
    throw new StoreError(
      "GRAPHITE_UNREACHABLE",
      `graphite-web does not answer at ${url}; see gridharvest services status`,
      {
        retryable: true,
        context: { url },
        cause,
      },
    );
  }
  if (!response.ok) {
    throw new StoreError(
      "GRAPHITE_REFUSED",
      `graphite-web answered ${String(response.status)} at ${url}: ${text.slice(0, 300)}`,
      { context: { url, status: response.status } },
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new StoreError("GRAPHITE_REFUSED", `what answers at ${url} is no graphite-web: ${text.slice(0, 100)}`, {
      context: { url },
      cause,
    });
  }
}

function isSuccess(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "success" in answer && answer.success === true;
}

function base(webUrl: string): string {
  return webUrl.replace(/\/+$/, "");
}
