import { fileURLToPath } from "node:url";
import { elasticsearchGrok } from "../peers/elasticsearch.ts";
import { goGrok } from "../peers/go-grok.ts";
import { liblognorm } from "../peers/liblognorm.ts";
import { startServer, type Running } from "./measure.ts";
import { WORK_NAMES, type Work } from "./rules.ts";

/** Why a contender cannot take part, and what would help. */
export interface Missing {
  readonly missing: string;
}

/** What contenders are started with. */
export interface Place {
  readonly signal: AbortSignal;
  /** Removed at the end. */
  readonly dir: string;
  /** Kept, so that what is built is built once. */
  readonly stateDir: string;
  /** The core to be bound to. */
  readonly pin: string | undefined;
}

/** Who is measured. */
export interface Contender {
  readonly name: string;
  readonly work: Work;
  /** What the figure holds that others do not, or lacks. */
  readonly note: string;
  /** Slow: takes a part of the lines in each round, or a slice of some thousand, another one each time. */
  readonly takes?: "parts" | "slices";
  start(place: Place): Promise<Running | Missing>;
}

export const COMPILED = "compiled engine";
export const INTERPRETER = "interpreter";
export const UNBOUND = "compiled engine, any core";
export const LIBLOGNORM = "liblognorm";
export const ELASTICSEARCH = "Elasticsearch's grok";
const SCRIPT = "readline script";
const GO_GROK = "elastic/go-grok";

const PROCESS = fileURLToPath(new URL("contender-process.ts", import.meta.url));
const OWN = "bulk actions with ids, zone, index by day, dirty lines";
const OWN_NOTES: Readonly<Record<Work, string>> = {
  header: OWN,
  ssh: `auth.yaml: all of sshd, PAM, sudo, su, cron; ${OWN}`,
  all: `syslog.yaml: what a host says; ${OWN}`,
};
const SEVEN = "seven events of sshd";
const WORKS = Object.keys(WORK_NAMES) as Work[];
const HEADER_AND_SSH = ["header", "ssh"] as const;

/** In the order of the table. */
export const CONTENDERS: readonly Contender[] = [
  ...WORKS.map((work) => own(COMPILED, "compiled", work, OWN_NOTES[work])),
  {
    ...own(UNBOUND, "compiled", "ssh", "not bound to a core"),
    start: (place) => start("compiled", "ssh", { ...place, pin: undefined }),
  },
  ...WORKS.map((work) => ({
    ...own(INTERPRETER, "interpreter", work, "the oracle; some thousand lines a round"),
    takes: "slices" as const,
  })),
  ...HEADER_AND_SSH.map((work) => own(SCRIPT, "script", work, work === "ssh" ? `${SEVEN}; no zone` : "no zone")),
  ...HEADER_AND_SSH.map((work) => ({
    name: LIBLOGNORM,
    work,
    note: work === "ssh" ? `${SEVEN}, without message; year guessed, no zone` : "year guessed, no zone",
    start: (place: Place) => liblognorm(work, place),
  })),
  ...HEADER_AND_SSH.map((work) => ({
    name: ELASTICSEARCH,
    work,
    note: work === "ssh" ? `${SEVEN}; Joni on Java` : "Joni on Java",
    start: (place: Place) => elasticsearchGrok(work, place),
  })),
  ...HEADER_AND_SSH.map((work) => ({
    name: GO_GROK,
    work,
    note: `${work === "ssh" ? `${SEVEN}; ` : ""}a part of the lines a round`,
    takes: "parts" as const,
    start: (place: Place) => goGrok(work, place),
  })),
];

function own(name: string, kind: string, work: Work, note: string): Contender {
  return { name, work, note, start: (place) => start(kind, work, place) };
}

async function start(kind: string, work: Work, { pin, signal }: Place): Promise<Running> {
  return startServer({ argv: [process.execPath, PROCESS, kind, work], pin, signal });
}
