import { z } from "zod";
import { parseFieldPath } from "../pipeline/event.ts";
import type { FilterKind, GrokOptions } from "./filter.ts";
import { failureTags, fieldPath, flag, hash, hashBy, list, text } from "./options.ts";

/**
 * Takes a field apart by patterns. What is written is read here; patterns and their matching are the grok compiler's.
 *
 * Defaults are Logstash's; the bank is a matter of the whole pipeline, not of one filter.
 * @source logstash-filter-grok 4.4: lib/logstash/filters/grok.rb
 */
export const grok: FilterKind<GrokOptions> = {
  name: "grok",
  schema: z.strictObject({
    match: hashBy(parseFieldPath, list(text)).refine(
      (match) => match.length > 0 && match.every(([, patterns]) => patterns.length > 0),
      { error: "names no pattern; write `message: '%{…}'` below it" },
    ),
    pattern_definitions: z.prefault(hash(text), {}),
    patterns_dir: z.prefault(list(text), []),
    break_on_match: z.prefault(flag, true),
    keep_empty_captures: z.prefault(flag, false),
    named_captures_only: z.prefault(flag, true),
    overwrite: z.prefault(list(fieldPath), []),
    target: z.preprocess((value) => (value === "" ? undefined : value), fieldPath.optional()).optional(),
    tag_on_failure: failureTags("_grokparsefailure"),
    tag_on_timeout: z.prefault(text, "_groktimeout"),
  }),
  refused: {
    timeout_millis: "matching has a budget of steps, which is the same on every machine; take it away",
    timeout_scope: "matching has a budget of steps, which is the same on every machine; take it away",
    patterns_files_glob: "every file of a directory is read; name another directory in patterns_dir",
    ecs_compatibility: "the bank is chosen for the whole pipeline; take it away",
  },
  create: (options, tools) => tools.grok.compile(options),
};
