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
const FORM = "application/x-www-form-urlencoded";

/** What a POST sends. */
interface Content {
  readonly type: string;
  readonly content: string;
}

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
    const form = new URLSearchParams({ state: JSON.stringify(buildDashboard(dashboard, scope)) });
    const answer = await ask(web, path, signal, { type: FORM, content: form.toString() });
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

/** Something that happened, for whoever looks at graphs. @source graphite-web 1.1, "Graphite Events" */
export interface GraphiteEvent {
  readonly what: string;
  readonly tags: readonly string[];
  readonly data: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Keeps an event in graphite-web, where `events(tag, …)` draws it. @throws StoreError `GRAPHITE_UNREACHABLE`, `GRAPHITE_REFUSED` */
export async function postEvent(web: WebTarget, event: GraphiteEvent, signal?: AbortSignal): Promise<void> {
  const { what, tags, data, at } = event;
  await ask(web, "/events/", signal, {
    type: "application/json",
    content: JSON.stringify({ what, tags, data, when: Math.floor(at / 1000) }),
  });
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

/** Gets JSON from a path below the address, or posts something to it. */
async function ask(web: WebTarget, path: string, signal: AbortSignal | undefined, body?: Content): Promise<unknown> {
  const url = `${base(web.url)}${path}`;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let status: number;
  let answer: string;
  try {
    ({ status, answer } = await send(url, web.tls, signal ? AbortSignal.any([signal, timeout]) : timeout, body));
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
      `graphite-web answered ${String(status)} at ${url}: ${answer.slice(0, 300)}`,
      { context: { url, status } },
    );
  }
  try {
    return (answer === "" ? undefined : JSON.parse(answer)) as unknown;
  } catch (cause) {
    throw new StoreError("GRAPHITE_REFUSED", `what answers at ${url} is no graphite-web: ${answer.slice(0, 100)}`, {
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
  body: Content | undefined,
): Promise<{ readonly status: number; readonly answer: string }> {
  const request = url.startsWith("https:") ? https.request : http.request;
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const query = request(url, {
    ...tls,
    signal,
    agent: false,
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? {} : { "content-type": body.type },
  });
  query.once("response", resolve).once("error", reject);
  query.end(body?.content);
  const response = await promise;
  return { status: response.statusCode ?? 0, answer: await text(response) };
}

function isSuccess(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "success" in answer && answer.success === true;
}

function base(webUrl: string): string {
  return webUrl.replace(/\/+$/, "");
}
