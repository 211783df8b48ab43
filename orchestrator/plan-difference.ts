import type { Plan, PlannedFile } from "./plan.ts";

/**
 * What differs between a saved plan and the same months planned now, one line each; empty when their ids are equal.
 * Pure.
 * @param most lines about files; the rest is counted
 */
export function comparePlans(saved: Plan, current: Plan, most = 20): readonly string[] {
  if (saved.id === current.id) return [];
  const lines: string[] = [];
  const differs = (what: string, before: unknown, now: unknown): void => {
    if (before !== now) lines.push(`${what}: ${String(before)} in the saved plan, ${String(now)} now`);
  };
  differs("months", saved.months.join(", "), current.months.join(", "));
  differs("pipeline", saved.pinned.pipeline, current.pinned.pipeline);
  differs("time zone", saved.pinned.timeZone, current.pinned.timeZone);
  differs("host zones", hostZones(saved), hostZones(current));
  differs("index pattern", saved.pinned.indexPattern, current.pinned.indexPattern);
  differs("revision", saved.pinned.revision, current.pinned.revision);
  differs("earlier campaign", saved.again?.campaign ?? "none", current.again?.campaign ?? "none");
  differs("repeated lines", saved.pinned.repeated, current.pinned.repeated);
  differs("ids", saved.pinned.ids, current.pinned.ids);
  differs("chunk size", saved.pinned.chunkBytes, current.pinned.chunkBytes);

  const files = fileDifferences(saved, current);
  lines.push(...files.slice(0, most));
  if (files.length > most) lines.push(`and ${files.length - most} more files`);
  return lines.length > 0 ? lines : ["the saved plan was made by another version of gridharvest; plan again"];
}

function hostZones({ pinned }: Plan): string {
  return pinned.hostZones.map(({ host, timeZone }) => `${host} ${timeZone}`).join(", ") || "none";
}

/** A file as it is on disk, and what the layout makes of it. */
interface Facts {
  readonly shown: string;
  readonly size: number | undefined;
  readonly mtimeMs: number | undefined;
  readonly member: boolean;
  readonly layout: string;
}

function fileDifferences(saved: Plan, current: Plan): readonly string[] {
  const before = factsOf(saved);
  const now = factsOf(current);
  const lines: string[] = [];
  for (const [path, old] of before) {
    const file = now.get(path);
    if (!file) lines.push(`file removed: ${old.shown}`);
    else {
      if (file.shown !== old.shown) lines.push(`file moved: ${old.shown} to ${file.shown}`);
      if (file.size !== old.size) lines.push(`size of ${old.shown}: ${old.size ?? "?"} bytes, ${file.size ?? "?"} now`);
      else if (file.mtimeMs !== old.mtimeMs) {
        lines.push(`modification time of ${old.shown}: ${iso(old.mtimeMs)}, ${iso(file.mtimeMs)} now`);
      }
      if (file.layout !== old.layout) lines.push(`layout of ${old.shown}: ${old.layout}, ${file.layout} now`);
    }
  }
  for (const [path, file] of now) if (!before.has(path)) lines.push(`file added: ${file.shown}`);
  return lines;
}

function factsOf(plan: Plan): ReadonlyMap<string, Facts> {
  const unpacks = new Map(plan.unpacks.map((unpack) => [unpack.id, unpack]));
  const facts = ({ origin, source, day }: PlannedFile): Facts => {
    const disk = source.kind === "plain" ? source : unpacks.get(source.unpackId);
    const member = source.kind === "packed" && source.member !== "";
    return {
      shown: JSON.stringify(
        `${disk?.file ?? ""}${source.kind === "packed" && member ? `: ${source.member}` : ""}`,
      ).slice(1, -1),
      size: disk?.size,
      mtimeMs: disk?.mtimeMs,
      member,
      layout: [
        day ?? origin.month,
        origin.service,
        origin.collector ?? "",
        origin.lastDay === undefined ? "" : `until ${origin.lastDay}`,
        origin.encoding ?? "",
        ...origin.dropPrograms.map((program) => `without ${program}`),
      ]
        .filter((part) => part !== "")
        .join(" "),
    };
  };
  return new Map(plan.files.map((file) => [file.origin.path, facts(file)]));
}

function iso(ms: number | undefined): string {
  return ms === undefined ? "?" : new Date(ms).toISOString();
}
