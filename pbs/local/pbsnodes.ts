import { slotRanges } from "./attributes.ts";
import { readActiveJobs } from "./job.ts";
import { escapeXml } from "./qstat-text.ts";
import { reapAbandoned } from "./reap.ts";
import { Refusal } from "./refusal.ts";
import { readSettings } from "./settings.ts";

const USAGE = "usage: pbsnodes [-a | -l | -x] [node...]";

/** `pbsnodes`: the execution hosts with their slots and jobs; `-l` those that are down (never one), `-x` as XML. */
export function pbsnodes(dir: string, args: readonly string[]): string {
  const settings = readSettings(dir);
  const flag = args.find((arg) => arg.startsWith("-"));
  if (flag !== undefined && !["-a", "-l", "-x"].includes(flag)) {
    throw Refusal.usage(`pbsnodes: invalid option -- '${flag.charAt(1)}'\n${USAGE}`);
  }
  const wanted = args.filter((arg) => !arg.startsWith("-"));
  if (wanted.some((node) => !settings.nodes.includes(node))) {
    throw new Refusal(1, "pbsnodes: Unknown node  MSG=cannot locate specified node");
  }
  if (flag === "-l") return "";
  reapAbandoned(dir);
  const jobs = readActiveJobs(dir);
  const nodes = settings.nodes
    .filter((node) => wanted.length === 0 || wanted.includes(node))
    .map((node) => {
      const placed = jobs.flatMap((job) =>
        (job.placements ?? []).filter((p) => p.node === node).map(({ slots }) => ({ id: job.id, slots })),
      );
      const busy = placed.reduce((sum, { slots }) => sum + slots.length, 0);
      const attributes: [string, string][] = [
        ["state", busy < settings.slotsPerNode ? "free" : "job-exclusive"],
        ["power_state", "Running"],
        ["np", String(settings.slotsPerNode)],
        ["ntype", "cluster"],
      ];
      if (placed.length > 0) {
        attributes.push(["jobs", placed.map(({ id, slots }) => `${slotRanges(slots)}/${id}`).join(",")]);
      }
      return { node, attributes };
    });
  if (flag === "-x") {
    const xml = nodes.map(({ node, attributes }) => {
      const inner = attributes.map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`).join("");
      return `<Node><name>${escapeXml(node)}</name>${inner}</Node>`;
    });
    return `<Data>${xml.join("")}</Data>\n`;
  }
  return nodes
    .map(({ node, attributes }) => `${node}\n${attributes.map(([n, v]) => `     ${n} = ${v}\n`).join("")}\n`)
    .join("");
}
