import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import {
  buildDashboard,
  dashboardName,
  dashboardText,
  metricsOf,
  type DashboardState,
} from "../../../monitoring/dashboards.ts";
import {
  DASHBOARDS,
  METRICS,
  PANELS,
  type DashboardName,
  type MetricName,
  type PanelName,
} from "../../../monitoring/metrics.ts";

const DASHBOARD_NAMES = Object.keys(DASHBOARDS) as DashboardName[];
const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

function committed(dashboard: DashboardName): string {
  return readFileSync(new URL(`../../../monitoring/dashboards/${dashboard}.json`, import.meta.url), "utf8");
}

/** The text of a source file, or of all below a folder. */
function sources(place: string): string {
  const path = fileURLToPath(new URL(`../../../${place}`, import.meta.url));
  if (place.endsWith(".ts")) return readFileSync(path, "utf8");
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(path, name), "utf8"))
    .join("");
}

/** The `<subject>.<measure>` of every path in the targets of a dashboard. */
function metricsIn(state: DashboardState): readonly string[] {
  const targets = state.graphs.flatMap(([, graph]) => graph.target);
  return targets.flatMap((target) =>
    [...target.matchAll(/gridharvest\.\*\.[^,()]*?(?:\{[^}]*\})?[^,()]*?\.\*\.([a-z-]+\.[a-z-]+)/g)].map(
      (m) => m[1] ?? "",
    ),
  );
}

describe("the dashboards and the table of metrics", () => {
  it.each(DASHBOARD_NAMES)("%s.json is what the table gives; else run npm run dashboards", (dashboard) => {
    expect(committed(dashboard)).toBe(dashboardText(dashboard));
  });

  it("every metric of the table is in a committed dashboard", () => {
    const shown = new Set(DASHBOARD_NAMES.flatMap((name) => metricsIn(JSON.parse(committed(name)) as DashboardState)));
    expect(METRIC_NAMES.filter((name) => !shown.has(name))).toEqual([]);
  });

  it("every metric of a committed dashboard is in the table", () => {
    const shown = DASHBOARD_NAMES.flatMap((name) => metricsIn(JSON.parse(committed(name)) as DashboardState));
    expect(shown.length).toBeGreaterThan(METRIC_NAMES.length - 1);
    expect(shown.filter((name) => !Object.hasOwn(METRICS, name))).toEqual([]);
  });

  it("every panel shows a metric, and panels with one line per host show exactly one", () => {
    for (const panel of Object.keys(PANELS) as PanelName[]) {
      const count = metricsOf(panel).length;
      expect(count, panel).toBeGreaterThan(0);
      if (PANELS[panel].lines !== "total") expect(count, panel).toBe(1);
    }
  });

  it("a panel's metrics share its unit, or say on their own what they are", () => {
    for (const panel of Object.keys(PANELS) as PanelName[]) {
      if ("per" in PANELS[panel]) continue;
      const units = new Set(
        metricsOf(panel)
          .filter((metric) => !("marks" in METRICS[metric]))
          .map((metric) => METRICS[metric].unit),
      );
      const mixedEvents = ["throughput", "outcomes"].includes(panel);
      expect(mixedEvents ? [PANELS[panel].unit] : [...units], panel).toEqual([PANELS[panel].unit]);
    }
  });

  it("every metric is reported by some code", () => {
    const code = ["orchestrator", "worker", "monitoring/meter.ts"].map((place) => sources(place)).join("");
    expect(METRIC_NAMES.filter((name) => !code.includes(`"${name}"`))).toEqual([]);
  });

  it("names are parts of a path", () => {
    for (const name of METRIC_NAMES) expect(name).toMatch(/^[a-z][a-z-]*\.[a-z][a-z-]*$/);
  });
});

describe("the scope of a dashboard", () => {
  it("of one campaign names it in titles, targets and its own name", () => {
    const scope = { prefix: "site.grid", campaign: "2013-01.a" };
    const state = buildDashboard("campaign", scope);
    expect(state.name).toBe("site-grid-campaign-2013-01_a");
    expect(dashboardName("campaign", { ...scope, campaign: "*" })).toBe("site-grid-campaign");
    const [, throughput] = state.graphs[0] ?? [];
    expect(throughput?.title).toBe("Throughput of all parsers, events/s (2013-01.a)");
    expect(throughput?.target).toEqual([
      'alias(sumSeries(site.grid.2013-01_a.parser.*.lines.read),"lines read")',
      'alias(sumSeries(site.grid.2013-01_a.parser.*.lines.parsed),"lines parsed")',
      'alias(sumSeries(site.grid.2013-01_a.parser.*.documents.indexed),"documents indexed")',
    ]);
  });

  it("a line for each host is grouped by the host's part, wherever the prefix puts it", () => {
    const target = (prefix: string): unknown =>
      buildDashboard("tuning", { prefix, campaign: "*" }).graphs[0]?.[1].target;
    expect(target("a")).toEqual(['groupByNode(a.*.parser.*.lines.read,3,"sum")']);
    expect(target("a.b")).toEqual(['groupByNode(a.b.*.parser.*.lines.read,4,"sum")']);
  });

  it("opens on the last 15 minutes and refreshes itself", () => {
    const state = buildDashboard("campaign", { prefix: "gridharvest", campaign: "*" });
    expect(state.refreshConfig).toEqual({ enabled: true, interval: 10_000 });
    expect(state.defaultGraphParams).toMatchObject({ from: "-15minutes", until: "now" });
  });
});
