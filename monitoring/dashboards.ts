import {
  METRICS,
  PANELS,
  type DashboardName,
  type MetricKind,
  type MetricName,
  type MetricRole,
  type PanelName,
} from "./metrics.ts";
import { pathPart, prefixDepth, prefixPath } from "./metric-path.ts";

/** Whose metrics a dashboard shows. `campaign` is an id, or `*` for all campaigns of the site together. */
export interface DashboardScope {
  readonly prefix: string;
  readonly campaign: string;
}

/** One graph as graphite-web's dashboard keeps it. */
export interface Graph {
  readonly target: readonly string[];
  readonly title: string;
  readonly [parameter: string]: unknown;
}

/**
 * The state of a dashboard, as `/dashboard/save/NAME` takes it and `dashboard.js` (graphite-web 1.1) applies it.
 * Of a graph it reads the target string (to tell graphs apart), the parameters and, unused here, a render type.
 */
export interface DashboardState {
  readonly name: string;
  readonly timeConfig: Readonly<Record<string, unknown>>;
  readonly refreshConfig: { readonly enabled: boolean; readonly interval: number };
  readonly graphSize: { readonly width: number; readonly height: number };
  readonly defaultGraphParams: Readonly<Record<string, unknown>>;
  readonly graphs: readonly (readonly [target: string, parameters: Graph, url: string])[];
}

/** What the committed files in `dashboards/` are generated for: every campaign under the default prefix. */
export const SITE_SCOPE: DashboardScope = { prefix: "gridharvest", campaign: "*" };

const WINDOW_MINUTES = 15;
const REFRESH_MS = 10_000;
/** Stated here, so that an operator's own graphite-web draws them too. */
const COLOURS = "1f77b4,2ca02c,d62728,ff7f0e,9467bd,8c564b,17becf,7f7f7f,e377c2,bcbd22";
const SIZE = { width: 560, height: 300 };

/** How the lines of several hosts become one, by how an interval's values became a point. */
const FOLD: Readonly<Record<MetricKind, "sum" | "average" | "max">> = {
  count: "sum",
  last: "sum",
  mean: "average",
  max: "max",
};

/** The name under which graphite-web keeps a dashboard: `gridharvest-tuning`, `gridharvest-tuning-<campaign>`. */
export function dashboardName(dashboard: DashboardName, scope: DashboardScope): string {
  const site = `${prefixPath(scope.prefix).replaceAll(".", "-")}-${dashboard}`;
  return scope.campaign === "*" ? site : `${site}-${pathPart(scope.campaign)}`;
}

/** The path of a metric over all hosts. */
export function metricGlob(scope: DashboardScope, roles: readonly MetricRole[], metric: MetricName): string {
  const campaign = scope.campaign === "*" ? "*" : pathPart(scope.campaign);
  const role = roles.length === 1 ? roles[0] : `{${roles.join(",")}}`;
  return `${prefixPath(scope.prefix)}.${campaign}.${role}.*.${metric}`;
}

/** Builds a dashboard from the tables of metrics and panels. */
export function buildDashboard(dashboard: DashboardName, scope: DashboardScope): DashboardState {
  const panels = (Object.keys(PANELS) as PanelName[]).filter((name) => PANELS[name].dashboard === dashboard);
  return {
    name: dashboardName(dashboard, scope),
    timeConfig: {
      type: "relative",
      relativeStartQuantity: String(WINDOW_MINUTES),
      relativeStartUnits: "minutes",
      relativeUntilQuantity: "",
      relativeUntilUnits: "now",
      // Only used once somebody switches to an absolute range.
      startDate: "2013-01-01T00:00:00",
      startTime: "9:00 AM",
      endDate: "2013-01-01T00:00:00",
      endTime: "5:00 PM",
    },
    refreshConfig: { enabled: true, interval: REFRESH_MS },
    graphSize: SIZE,
    defaultGraphParams: { from: `-${String(WINDOW_MINUTES)}minutes`, until: "now", ...SIZE },
    graphs: panels.map((panel) => {
      const graph = buildGraph(panel, scope);
      const target = new URLSearchParams(graph.target.map((t): [string, string] => ["target", t])).toString();
      return [target, graph, `/render?${target}`] as const;
    }),
  };
}

/** One panel's graph: its targets and how it is drawn. */
export function buildGraph(panel: PanelName, scope: DashboardScope): Graph {
  const row = PANELS[panel];
  const shown = metricsOf(panel);
  const whose = scope.campaign === "*" ? "all campaigns" : scope.campaign;
  return {
    target: shown.flatMap((metric) => targetsOf(panel, metric, scope)),
    title: `${row.title}, ${row.unit} (${whose})`,
    yUnitSystem: "unitSystem" in row ? row.unitSystem : "si",
    yMin: "0",
    // Points come every few seconds into a store of one-second slots: the empty slots between are no gaps.
    lineMode: "connected",
    lineWidth: "1.5",
    hideLegend: "false",
    fontSize: "9",
    bgcolor: "ffffff",
    fgcolor: "222222",
    majorGridLineColor: "c8c8c8",
    minorGridLineColor: "e6e6e6",
    colorList: COLOURS,
  };
}

function targetsOf(panel: PanelName, metric: MetricName, scope: DashboardScope): readonly string[] {
  const row = PANELS[panel];
  const { kind, label } = METRICS[metric];
  const marks = (target: string): string => ("marks" in METRICS[metric] ? `drawAsInfinite(${target})` : target);
  const roles: readonly MetricRole[] = METRICS[metric].roles;
  const depth = prefixDepth(scope.prefix);
  const per = "per" in row ? row.per : undefined;
  const relative = (target: string): string => {
    if (!per) return target;
    const base = per.metric as MetricName;
    const divided = `divideSeries(${target},sumSeries(${metricGlob(scope, METRICS[base].roles, base)}))`;
    return per.scale === 1 ? divided : `scale(${divided},${String(per.scale)})`;
  };
  switch (row.lines) {
    case "total":
      return [
        `alias(${marks(relative(`${FOLD[kind]}Series(${metricGlob(scope, roles, metric)})`))},${JSON.stringify(label)})`,
      ];
    case "by-host":
      // One line for each host, also when two campaigns use it one after the other.
      return [`groupByNode(${metricGlob(scope, roles, metric)},${String(depth + 2)},"${FOLD[kind]}")`];
    case "by-role":
      return roles.map(
        (role) =>
          `alias(${relative(`${FOLD[kind]}Series(${metricGlob(scope, [role], metric)})`)},${JSON.stringify(role)})`,
      );
  }
}

/** The metrics that a panel shows, in the table's order. */
export function metricsOf(panel: PanelName): readonly MetricName[] {
  return (Object.keys(METRICS) as MetricName[]).filter((metric) =>
    (METRICS[metric].panels as readonly PanelName[]).includes(panel),
  );
}

/** The committed text of a dashboard's file. */
export function dashboardText(dashboard: DashboardName): string {
  return `${JSON.stringify(buildDashboard(dashboard, SITE_SCOPE), null, 2)}\n`;
}
