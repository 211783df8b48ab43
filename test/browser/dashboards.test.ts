import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { createGraphiteSender, countMetricPaths, saveDashboards, type Point } from "../../monitoring/index.ts";
import { buildDashboard, metricGlob } from "../../monitoring/dashboards.ts";
import { DASHBOARDS, METRICS, type DashboardName, type MetricName, type MetricRole } from "../../monitoring/metrics.ts";
import { configSchema } from "../../orchestrator/config-schema.ts";
import { createLog } from "../../orchestrator/log.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { ensureServices, stopServices, type Services } from "../../orchestrator/services/index.ts";
import { browserPath, describeWith, privateStateDir, waitFor } from "../support/index.ts";

const config = configSchema.parse({});
const log = createLog({ level: "error" });
const SCOPE = { prefix: "gridharvest", campaign: "2013-01-browser" };
const INTERVAL_SECONDS = 5;
/** Where pictures go when somebody wants to look at them: GRIDHARVEST_SCREENSHOTS=DIR npm run test:browser. */
const PICTURES = process.env["GRIDHARVEST_SCREENSHOTS"];

/** As the machines this runs on need it: root, no network, no GPU. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describeWith(["redis", "carbon", "graphite-web", "chromium"], "the dashboards in a browser", () => {
  const stateDir = privateStateDir("browser");
  const paths = statePaths(stateDir);
  let services: Services;
  let web: string;
  let sentUpTo: number;
  let browser: Browser | undefined;
  let context: BrowserContext;

  beforeAll(async () => {
    services = await ensureServices(config, paths, log);
    web = services.graphiteWeb?.url ?? "";
    sentUpTo = await sendEveryMetric(services);
    await saveDashboards({ url: web }, SCOPE);
    const profile = join(stateDir, "chromium");
    mkdirSync(profile);
    browser = await chromium.launch({
      executablePath: browserPath(),
      args: FLAGS,
      env: { ...process.env, TMPDIR: profile },
    });
    context = await browser.newContext({ viewport: { width: 1800, height: 1500 } });
  });
  afterAll(async () => {
    await browser?.close();
    await stopServices(paths, log);
  });

  /** Opens a dashboard and gathers everything that goes wrong in the page. */
  async function open(name: string): Promise<{ readonly page: Page; readonly faults: string[] }> {
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(`${message.text()} ${message.location().url}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
    });
    page.on("requestfailed", (request) => faults.push(`${request.url()} ${request.failure()?.errorText ?? ""}`));
    await page.goto(`${web}/dashboard/${name}`);
    return { page, faults };
  }

  for (const dashboard of Object.keys(DASHBOARDS) as DashboardName[]) {
    for (const scope of [SCOPE, { ...SCOPE, campaign: "*" }]) {
      it(`${dashboard} of ${scope.campaign === "*" ? "all campaigns" : "one campaign"}: every panel is drawn with data`, async () => {
        const state = buildDashboard(dashboard, scope);
        const { page, faults } = await open(state.name);
        const images = await waitFor("all graphs to be drawn", async () => {
          const found = await page.locator("img.graph-img").evaluateAll((elements) =>
            // Runs in the page, whose types are not ours.
            (elements as unknown as { src: string; naturalWidth: number }[]).map(({ src, naturalWidth }) => ({
              src,
              width: naturalWidth,
            })),
          );
          return found.length === state.graphs.length && found.every((image) => image.width > 0) && found;
        });
        if (PICTURES !== undefined) {
          mkdirSync(PICTURES, { recursive: true });
          await page.screenshot({ path: join(PICTURES, `${state.name}.png`) });
          for (const [i, { src }] of images.entries()) {
            const png = await page.request.get(src);
            writeFileSync(join(PICTURES, `${state.name}-${i}.png`), await png.body());
          }
        }
        expect(await page.title()).toBe(`${state.name} - Graphite Dashboard`);
        expect(faults).toEqual([]);

        for (const [i, { src }] of images.entries()) {
          const graph = state.graphs[i]?.[1];
          const query = new URL(src).searchParams;
          expect(query.get("title")).toBe(graph?.title);
          query.set("format", "json");
          const answer = await fetch(`${web}/render?${query.toString()}`);
          const series = (await answer.json()) as { target: string; datapoints: [number | null, number][] }[];
          expect(series.length, graph?.title).toBeGreaterThanOrEqual(graph?.target.length ?? 1);
          for (const { target, datapoints } of series) {
            expect(
              datapoints.filter(([value]) => value !== null).length,
              `${graph?.title ?? ""}: ${target}`,
            ).toBeGreaterThan(30);
          }
        }
        await page.close();
      });
    }
  }

  it("the throughput panel shows the sum over the parsers", async () => {
    const target = `sumSeries(${metricGlob(SCOPE, ["parser"], "documents.indexed")})`;
    const query = new URLSearchParams({ target, from: `${sentUpTo - 240}`, until: `${sentUpTo - 60}`, format: "json" });
    const [series] = (await (await fetch(`${web}/render?${query.toString()}`)).json()) as {
      datapoints: [number | null, number][];
    }[];
    const values = (series?.datapoints ?? []).map(([value]) => value).filter((value) => value !== null);
    expect(values.length).toBeGreaterThan(20);
    for (const value of values) expect(value).toBeCloseTo(2 * valueOf("documents.indexed", 0), 6);
  });

  it("counts what a campaign left in Graphite", async () => {
    expect(await countMetricPaths({ url: web }, SCOPE)).toBe(pathsOf().length);
    expect(await countMetricPaths({ url: web }, { ...SCOPE, campaign: "no-such" })).toBe(0);
  });

  it("is refreshed by itself", async () => {
    const { page } = await open(buildDashboard("campaign", SCOPE).name);
    const source = (): Promise<string | null> => page.locator("img.graph-img").first().getAttribute("src");
    const first = await waitFor("the first graph", source);
    await waitFor("a newer graph", async () => (await source()) !== first);
    await page.close();
  });
});

const HOSTS: Readonly<Record<MetricRole, readonly string[]>> = {
  orchestrator: [hostname().replaceAll(".", "_")],
  "es-data": ["127_0_1_1-d1", "127_0_1_2-d2"],
  parser: ["127_0_1_3-p1", "127_0_1_4-p2"],
  agent: ["127_0_1_1-d1", "127_0_1_2-d2", "127_0_1_3-p1", "127_0_1_4-p2"],
};

function pathsOf(): readonly { readonly path: string; readonly metric: MetricName }[] {
  return (Object.keys(METRICS) as MetricName[]).flatMap((metric) =>
    METRICS[metric].roles.flatMap((role) =>
      HOSTS[role].map((host) => ({ path: `${SCOPE.prefix}.${SCOPE.campaign}.${role}.${host}.${metric}`, metric })),
    ),
  );
}

/** A plausible value: what matters is only that lines do not lie on the axis. */
function valueOf(metric: MetricName, wave: number): number {
  const scale: Partial<Record<string, number>> = {
    B: 64e6,
    "B/s": 9e6,
    "lines/s": 42_000,
    "documents/s": 40_000,
    "%": 60,
    "µs/s": 3e5,
    chunks: 120,
    cores: 0.8,
  };
  return (scale[METRICS[metric].unit] ?? 3) * (1 + 0.2 * wave);
}

/** The last five minutes of every metric from every host that reports it. */
async function sendEveryMetric(services: Services): Promise<number> {
  const sender = createGraphiteSender({ ...services.carbon });
  const end = Math.floor(Date.now() / 1000 / INTERVAL_SECONDS) * INTERVAL_SECONDS;
  const points: Point[] = [];
  for (let at = end - 300; at <= end; at += INTERVAL_SECONDS) {
    for (const { path, metric } of pathsOf()) {
      const wave = metric === "documents.indexed" ? 0 : Math.sin(at / 30 + path.length);
      points.push({ path, value: valueOf(metric, wave), at });
    }
  }
  sender.send(points);
  expect(await sender.drain(30_000)).toBe(true);
  await sender.close();
  const web = services.graphiteWeb?.url ?? "";
  await waitFor(
    "carbon to write all series",
    async () => (await countMetricPaths({ url: web }, SCOPE)) === pathsOf().length,
  );
  return end;
}
