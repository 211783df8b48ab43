import { isLoopback, lowLimits } from "../../worker/contract/bootstrap-checks.ts";
import type { Finding } from "../doctor.ts";
import { judgeClock, type LookedWithin } from "./clock.ts";

/** What a probe job wrote of its host; see `pbs/jobs/probe.pbs.tmpl`. */
export interface ProbeReport {
  /** As the host calls itself. */
  readonly host: string;
  /** The line of `/proc/self/limits` about open files. */
  readonly limits: string;
  /** 0 where the kernel does not tell. */
  readonly maxMapCount: number;
  readonly scratch: Tried;
  /** Absent when nobody listened. */
  readonly gateway?: Tried;
  /** Epoch seconds. */
  readonly clock: number;
}

/** How an attempt went: `untried` when the host lacks what it takes. */
export type Tried = { readonly went: "ok" } | { readonly went: "failed" | "untried"; readonly why: string };

/** Reads a report: `<word> <what there is to say>` a line, in any order. Pure. @returns undefined when it is not whole */
export function parseReport(text: string): ProbeReport | undefined {
  const said = new Map(text.split("\n").map((line) => [line.split(" ", 1)[0] ?? "", line.replace(/^\S*/, "").trim()]));
  const host = said.get("host") ?? "";
  const clock = Number(said.get("clock") || Number.NaN);
  const scratch = triedOf(said.get("scratch"));
  const gateway = triedOf(said.get("gateway"));
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(host) || Number.isNaN(clock) || !scratch) return undefined;
  return {
    host,
    clock,
    limits: said.get("limits") ?? "",
    maxMapCount: Number(said.get("maps")) || 0,
    scratch,
    ...(gateway && { gateway }),
  };
}

function triedOf(text: string | undefined): Tried | undefined {
  const [, went, why = ""] = /^(ok|failed|untried)\b ?(.*)$/.exec(text ?? "") ?? [];
  if (went === "ok") return { went };
  if (went === "failed" || went === "untried") return { went, why: why || "nobody says why" };
  return undefined;
}

/** What a host is to be good for. */
export interface ProbeQuestion {
  /** Whether Elasticsearch is to run there. */
  readonly elasticsearch: boolean;
  readonly scratchDir: string;
  readonly gatewayAddress: string;
  /** When the report was made. */
  readonly looked: LookedWithin;
}

/** Everything that is wrong with a host, each with its remedy. Pure. */
export function judgeReport(report: ProbeReport, question: ProbeQuestion): readonly Finding[] {
  const { host } = report;
  const { gatewayAddress, scratchDir } = question;
  const findings: Finding[] = [];
  if (question.elasticsearch) {
    for (const { text, remedy, fatal } of lowLimits(report.limits, report.maxMapCount)) {
      if (fatal && isLoopback(gatewayAddress)) continue;
      findings.push({ level: fatal ? "missing" : "warning", text: `${host}: ${text}`, remedy });
    }
  }
  if (report.scratch.went !== "ok") {
    findings.push({
      level: "missing",
      text: `${host}: nothing can be written to the scratch directory ${scratchDir}: ${lastPart(report.scratch.why)}`,
      remedy:
        "make it writable there (a read-only mount, a full disk?), or set stateDir to a place that nodes can write to",
    });
  }
  const clock = judgeClock(host, report.clock, question.looked);
  if (clock) findings.push(clock);
  if (report.gateway?.went === "failed") {
    findings.push({
      level: "missing",
      text: `${host} does not get through to the gateway at ${gatewayAddress}: ${lastPart(report.gateway.why)}`,
      remedy:
        "give the node a route to that address and let it through to the gateway's ports (20000 to 32000), or correct network.gatewayAddress",
    });
  }
  if (report.gateway?.went === "untried") {
    findings.push({
      level: "warning",
      text: `${host}: the way to the gateway was not tried: ${lastPart(report.gateway.why)}`,
      remedy: `try it there: bash -c 'exec 3<>/dev/tcp/${gatewayAddress}/PORT' while something listens`,
    });
  }
  return findings;
}

/** Programs name themselves and their file before they say what is wrong. */
function lastPart(words: string): string {
  return words.split(": ").at(-1) ?? words;
}
