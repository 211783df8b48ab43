import { ATTEMPT_FIELD, type Ids } from "../worker/contract/ids.ts";
import type { FieldType, RuleField } from "../worker/contract/rules.ts";

/**
 * The mapping of the attempt's tag: looked for by its value, and nothing else.
 * @source Elasticsearch reference, doc_values
 */
const ATTEMPT: Mapping = { type: "keyword", doc_values: false };

type Mapping = Readonly<Record<string, unknown>>;
type Properties = Record<string, Mapping>;

/**
 * A number that Elasticsearch does not take, or a text in the place of one, costs the value its search and not the document its
 * place in the index.
 * @source Elasticsearch reference, ignore_malformed
 */
const MAPPINGS: Readonly<Record<FieldType, Mapping>> = {
  text: { type: "keyword", ignore_above: 1024 },
  whole: { type: "long", ignore_malformed: true },
  fraction: { type: "double", ignore_malformed: true },
  boolean: { type: "boolean", ignore_malformed: true },
  address: { type: "ip", ignore_malformed: true },
};

/** Properties of an index's mapping with fields that pipelines write, and the attempt's tag; what is there already stays. */
export function withFields(
  properties: Readonly<Properties>,
  fields: readonly RuleField[],
  ids: Ids = "derived",
): Properties {
  const all = structuredClone(properties) as Properties;
  if (ids === "store") all[ATTEMPT_FIELD] = ATTEMPT;
  for (const { path, type } of fields) {
    let level: Properties | undefined = all;
    for (const part of path.slice(0, -1)) {
      const there: Mapping & { properties?: Properties } = (level[part] ??= { properties: {} });
      level = there.properties;
      // A field of the header is no object.
      if (!level) break;
    }
    const last = path.at(-1);
    if (level && last !== undefined) level[last] ??= MAPPINGS[type];
  }
  return all;
}
