import { spawnSync } from "node:child_process";
import { isIP } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("grok-oracle/GrokOracle.java", import.meta.url));

/** What Elasticsearch's grok is asked. */
export interface GrokQuestion {
  /** A grok expression. */
  readonly pattern: string;
  readonly message: string;
}

/**
 * Asks the grok of the Elasticsearch runtime at `ES_HOME` (see `ground.ts`), which is Joni's Onigmo, what expressions capture.
 * What it does otherwise than ours is put right here: empty captures go, and what is no address in a field of type `ip`.
 * @returns the fields, nested, in order; null for a miss
 */
export function askElasticsearchGrok(
  questions: readonly GrokQuestion[],
  patterns: ReadonlyMap<string, string>,
  bank: "legacy" | "ecs-v1" = "legacy",
): readonly (Record<string, unknown> | null)[] {
  const { ES_HOME: home, ES_JAVA_HOME: javaHome } = process.env;
  if (home === undefined || javaHome === undefined) throw new Error("ES_HOME is not set; see test/support/ground.ts");
  const given = { patterns: Object.fromEntries(patterns) };
  const input = questions.map((question, i) => JSON.stringify({ bank, ...(i === 0 ? given : {}), ...question }));
  const { status, stdout, stderr } = spawnSync(
    join(javaHome, "bin", "java"),
    ["-XX:TieredStopAtLevel=1", "-cp", join(home, "lib", "*"), PROGRAM],
    { input: `${input.join("\n")}\n`, encoding: "utf8", maxBuffer: 1024 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`GrokOracle ended with ${String(status)}: ${stderr}`);
  const addresses = new Set([...patterns.values()].flatMap(addressFields));
  return stdout
    .trimEnd()
    .split("\n")
    .map((line, i) => {
      const answer = JSON.parse(line) as { captures?: Record<string, unknown> | null; error?: string };
      if (answer.error !== undefined) throw new Error(`${questions[i]?.pattern ?? ""}: ${answer.error}`);
      return answer.captures ? nested(answer.captures, addresses) : null;
    });
}

function addressFields(text: string): readonly string[] {
  return Array.from(text.matchAll(/%\{\w+:((?:\[[^\]]+\])+):ip\}/g), ([, path = ""]) =>
    path.slice(1, -1).replaceAll("][", "."),
  );
}

function nested(captures: Readonly<Record<string, unknown>>, addresses: ReadonlySet<string>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(captures)) {
    if (value === "" || value === null) continue;
    if (addresses.has(name) && !(typeof value === "string" && isIP(value) !== 0 && !value.includes("%"))) continue;
    const path = name.split(".");
    let at = fields;
    for (const part of path.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
    at[path.at(-1) ?? name] = value;
  }
  return fields;
}
