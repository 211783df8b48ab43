import type { JobResources } from "./job.ts";
import { Refusal } from "./refusal.ts";

const UNITS: Readonly<Record<string, number>> = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30, tb: 2 ** 40 };

/** Splits `-l`'s value at commas: `nodes=1:ppn=2,mem=1gb`. */
export function splitResources(list: string): ReadonlyMap<string, string> {
  const resources = new Map<string, string>();
  for (const part of list.split(",")) {
    const at = part.indexOf("=");
    if (at <= 0) throw Refusal.usage("qsub: illegal -l value");
    resources.set(part.slice(0, at), part.slice(at + 1));
  }
  return resources;
}

/** `512mb`, `1gb`; a bare number is bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)(b|kb|mb|gb|tb)?$/i.exec(text);
  return match ? Number(match[1]) * (UNITS[(match[2] ?? "b").toLowerCase()] ?? 1) : undefined;
}

/** `[[hours:]minutes:]seconds`. */
export function parseDuration(text: string): number | undefined {
  if (!/^\d+(:\d+){0,2}$/.test(text)) return undefined;
  return text.split(":").reduce((seconds, part) => seconds * 60 + Number(part), 0);
}

/** `HH:MM:SS`, hours beyond 99 included. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** What a job gets that does not say: one slot for an hour, as in the captured Torque's queue. */
const DEFAULTS: JobResources = { nodes: 1, ppn: 1, walltimeSeconds: 3600 };

/**
 * Reads merged resources. What is not known is refused, never ignored: a limit that somebody
 * asked for and nobody keeps is worse than none.
 */
export function readResources(resources: ReadonlyMap<string, string>): JobResources {
  let result = DEFAULTS;
  for (const [name, value] of resources) {
    switch (name) {
      case "nodes": {
        // A count, or the name of a host: addresses have dots.
        const match = /^(?:(\d+)|([A-Za-z0-9.-]+))(?::ppn=(\d+))?$/.exec(value);
        if (!match) throw Refusal.exceeded();
        const [, count = "1", host, ppn = "1"] = match;
        result = { ...result, nodes: Number(count), ppn: Number(ppn), ...(host === undefined ? {} : { host }) };
        if (result.nodes < 1 || result.ppn < 1) throw Refusal.badValue(name);
        break;
      }
      case "mem": {
        const memoryBytes = parseSize(value);
        if (memoryBytes === undefined || memoryBytes === 0) throw Refusal.badValue(name);
        result = { ...result, memoryBytes };
        break;
      }
      case "walltime": {
        const walltimeSeconds = parseDuration(value);
        if (walltimeSeconds === undefined || walltimeSeconds === 0) throw Refusal.badValue(name);
        result = { ...result, walltimeSeconds };
        break;
      }
      default:
        throw new Refusal(189, `qsub: submit error (Unknown resource type  Resource_List.${name})`);
    }
  }
  return result;
}
