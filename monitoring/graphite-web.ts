import http from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import { StoreError } from "../worker/contract/errors.ts";
import { buildDashboard, dashboardName, type DashboardScope } from "./dashboards.ts";
import { DASHBOARDS, type DashboardName } from "./metrics.ts";
import type { ClientTls } from "./graphite.ts";
import { pathPart, prefixPath } from "./metric-path.ts";

/** A graphite-web: `http://host:port` or, with a proxy before it that wants a certificate, `https://…` and `tls`. */
export interface WebTarget {
  readonly url: string;
  readonly tls?: ClientTls;
}

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
  web: WebTarget,
  scope: DashboardScope,
  signal?: AbortSignal,
): Promise<readonly DashboardAddress[]> {
  const addresses = dashboardAddresses(web.url, scope);
  for (const { dashboard, name } of addresses) {
    const path = `/dashboard/save/${encodeURIComponent(name)}`;
    const answer = await ask(web, path, signal, { state: JSON.stringify(buildDashboard(dashboard, scope)) });
    if (!isSuccess(answer)) {
      const url = `${base(web.url)}${path}`;
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
export async function countMetricPaths(web: WebTarget, scope: DashboardScope, signal?: AbortSignal): Promise<number> {
  const campaign = scope.campaign === "*" ? "*" : pathPart(scope.campaign);
  const query = `${prefixPath(scope.prefix)}.${campaign}.*.*.*.*`;
  const parameters = new URLSearchParams({ query, leavesOnly: "1" });
  const answer = await ask(web, `/metrics/expand?${parameters.toString()}`, signal);
  return typeof answer === "object" && answer !== null && "results" in answer && Array.isArray(answer.results)
    ? answer.results.length
    : 0;
}

/** Gets JSON from a path below the address, or posts a form to it. */
async function ask(
  web: WebTarget,
  path: string,
  signal: AbortSignal | undefined,
  form?: Readonly<Record<string, string>>,
): Promise<unknown> {
  const url = `${base(web.url)}${path}`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let status: number;
  let body: string;
  try {
    ({ status, body } = await send(url, web.tls, signal ? AbortSignal.any([signal, timeout]) : timeout, form));
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
  if (status < 200 || status > 299) {
    throw new StoreError(
      "GRAPHITE_REFUSED",
      `graphite-web answered ${String(status)} at ${url}: ${body.slice(0, 300)}`,
      { context: { url, status } },
    );
  }
  try {
    return JSON.parse(body) as unknown;
  } catch (cause) {
    throw new StoreError("GRAPHITE_REFUSED", `what answers at ${url} is no graphite-web: ${body.slice(0, 100)}`, {
      context: { url },
      cause,
    });
  }
}

/** Node's `fetch` cannot show a client certificate. */
async function send(
  url: string,
  tls: ClientTls | undefined,
  signal: AbortSignal,
  form: Readonly<Record<string, string>> | undefined,
): Promise<{ readonly status: number; readonly body: string }> {
  const request = url.startsWith("https:") ? https.request : http.request;
  const content = form === undefined ? undefined : new URLSearchParams(form).toString();
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const query = request(url, {
    ...tls,
    signal,
    agent: false,
    method: content === undefined ? "GET" : "POST",
    headers: content === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" },
  });
  query.once("response", resolve).once("error", reject);
  query.end(content);
  const response = await promise;
  return { status: response.statusCode ?? 0, body: await text(response) };
}

function isSuccess(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "success" in answer && answer.success === true;
}

function base(webUrl: string): string {
  return webUrl.replace(/\/+$/, "");
}
