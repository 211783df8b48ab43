import { listTemplates, readTemplate } from "../templates/files.ts";
import type { Rules } from "../worker/contract/rules.ts";
import { ownPatternFiles } from "./parse/pattern-files.ts";

const DEFAULTS = "worker/pipeline/defaults";
/** Files of a service that has no pipeline of its own hold what syslog holds. */
export const OTHERWISE = "syslog";

/** The pipelines that ship with the program, each for the service of its name. */
export function shippedPipelines(): Rules["pipelines"] {
  return listTemplates(DEFAULTS).map((name) => ({ services: [serviceOf(name)], file: name, text: readTemplate(name) }));
}

/** What a campaign does with lines when nothing is configured: the pipelines and the patterns that ship with the program. */
export function defaultRules(): Rules {
  return {
    pipelines: shippedPipelines(),
    otherwise: OTHERWISE,
    patterns: ownPatternFiles().flatMap(definitionsOf),
    databases: [],
  };
}

function serviceOf(name: string): string {
  return name.slice(DEFAULTS.length + 1).replace(/\.yaml$/, "");
}

/** The definitions of a pattern file; what is wrong with them is said where they are used. */
function definitionsOf({ name: file, text }: { readonly name: string; readonly text: string }): Rules["patterns"] {
  return text.split("\n").flatMap((line, i) => {
    const match = /^\s*([A-Za-z0-9_]+)\s+(.*)$/.exec(line);
    return match ? [{ name: match[1]!, text: match[2]!, where: `${file}:${String(i + 1)}` }] : [];
  });
}
