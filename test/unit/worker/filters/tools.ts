import { ConfigError } from "../../../../worker/contract/errors.ts";
import type { FilterKind, FilterTools, LineContext, RegexCompiler } from "../../../../worker/filters/filter.ts";
import { Calendar } from "../../../../worker/time/calendar.ts";
import { regexCompiler } from "../../../../worker/regex/search.ts";
import { LogEvent, type Fields } from "../../../../worker/pipeline/event.ts";

/** What filters are given in these tests: the pipeline's expressions, the platform's own times, and nothing else. */

/** A text in which every search is given up. */
export const ENDLESS = "endless";

const regex: RegexCompiler = {
  compile(source) {
    const compiled = regexCompiler.compile(source);
    return { exec: (text, from) => (text.startsWith(ENDLESS) ? "over-budget" : compiled.exec(text, from)) };
  },
};

export const TOOLS: FilterTools = {
  regex,
  grok: {
    compile() {
      throw new ConfigError("PIPELINE_INVALID", "no grok compiler here");
    },
  },
  dates: {
    compile({ patterns, zone: ownZone }) {
      const unknown = patterns.find((pattern) => pattern !== "ISO8601" && pattern !== "UNIX");
      if (unknown !== undefined) throw new ConfigError("PIPELINE_INVALID", `no pattern ${unknown} here`);
      return {
        read(value, _, zone) {
          const text = String(value);
          if (patterns.includes("UNIX") && /^\d+$/.test(text)) return new Date(Number(text) * 1000).toISOString();
          if (!patterns.includes("ISO8601") || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return undefined;
          const time = Date.parse(/Z|[+-]\d\d:\d\d$/.test(text) ? text : text + (zone ?? ownZone ?? "Z"));
          return Number.isNaN(time) ? undefined : new Date(time).toISOString();
        },
      };
    },
  },
  databases: {
    open(database) {
      throw new ConfigError("PIPELINE_INVALID", `no database ${database} here`);
    },
  },
};

const origin = {
  fileId: "0123456789ab",
  path: "2013/01/auth.log",
  month: "2013-01",
  firstDay: "2013-01-01",
  timeZone: "Europe/Prague",
  service: "auth",
  index: { pattern: "logs-{service}-{yyyy}.{MM}.{dd}", revision: 1 },
  dropPrograms: [],
};

/** The line that every event of these tests comes from. */
export const LINE: LineContext = { origin, calendar: new Calendar(origin), offset: 0 };

/** Fields by their JSON: a key may be `__proto__`. */
export function fieldsOf(json: string): Fields {
  return JSON.parse(json) as Fields;
}

/** Runs one filter on one event. @returns what it said, and the event as JSON */
export function apply(kind: FilterKind, options: object, fields: string | Fields, tools: FilterTools = TOOLS) {
  const event = new LogEvent(typeof fields === "string" ? fieldsOf(fields) : structuredClone(fields));
  const result = kind.create(kind.schema.parse(options), tools).apply(event, LINE);
  return { result, event: JSON.stringify(event.fields), metadata: JSON.stringify(event.metadata) };
}

/** The messages of what a schema refuses. */
export function refusals(kind: FilterKind, options: unknown): readonly string[] {
  const parsed = kind.schema.safeParse(options);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
