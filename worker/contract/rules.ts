import { z } from "zod";
import type { PatternFile, StandardBank } from "./grok.ts";

/**
 * What is done with the lines of a campaign, as text: pinned in its plan, and told to every parser. It needs no other file:
 * the definitions of all patterns that its pipelines name stand in it.
 */
export const rulesSchema = z.strictObject({
  pipelines: z.array(
    z.strictObject({
      /** The services whose files it is for. */
      services: z.array(z.string()),
      /** What messages call it. */
      file: z.string(),
      /** YAML. */
      text: z.string(),
    }),
  ),
  /** The service whose pipeline a file of any other service gets. */
  otherwise: z.string(),
  patterns: z.array(z.strictObject({ name: z.string(), text: z.string(), where: z.string() })),
  /** MaxMind databases that the pipelines name. They are too large to stand here: whoever reads one checks that it is the one that was planned. */
  databases: z.array(
    z.strictObject({ name: z.string(), file: z.string(), bytes: z.int().nonnegative(), sha256: z.string() }),
  ),
});
export type Rules = z.infer<typeof rulesSchema>;

/** Of a campaign that loads nothing. */
export const NO_RULES: Rules = { pipelines: [], otherwise: "", patterns: [], databases: [] };

/** What rules are made from: what ships with the program, and what the operator wrote. */
export interface RulesSource {
  readonly pipelines: readonly PipelineSource[];
  readonly otherwise: string;
  /** Pattern files that ship with the program. */
  readonly shipped: readonly PatternFile[];
  /** The operator's pattern files; later ones win. */
  readonly files: readonly PatternFile[];
  /** The operator's definitions, which win over all files. */
  readonly definitions: Rules["patterns"];
  readonly bank: StandardBank;
  /** The files of the standard bank. Asked for when a pattern is named that nobody else defines. */
  readonly standard: () => Promise<readonly PatternFile[]>;
  /** All that are configured. */
  readonly databases: Rules["databases"];
}

/** A pipeline as it is written. */
export interface PipelineSource {
  readonly services: readonly string[];
  readonly file: string;
  readonly text: string;
  /** The operator's, not one that ships with the program. */
  readonly own: boolean;
  /** Of one that stands inside another file: where it begins there, counted from 1. */
  readonly begins?: { readonly line: number; readonly column: number };
}

/** Rules that are fit to be used, and what there is to be said of them. */
export interface MadeRules {
  readonly rules: Rules;
  readonly dangers: readonly DangerousPattern[];
}

/** A regular expression of the operator's for which there is a short text on which matching is given up. */
export interface DangerousPattern {
  /** `file:line:column` of the step that it stands in; absent where there is none. */
  readonly place?: string;
  readonly pattern: string;
  /** The `%{…}` whose repetition is to blame. */
  readonly element?: string;
  /** Where that is defined, `file:line`. */
  readonly definedIn?: string;
  /** The text: `prefix`, `pump` so often, `suffix`. */
  readonly prefix: string;
  readonly pump: string;
  readonly times: number;
  readonly suffix: string;
}

/** What a field holds: an exact text, a whole number, a fraction, a truth value, an IP address. */
export const FIELD_TYPES = ["text", "whole", "fraction", "boolean", "address"] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** A field of documents that pipelines write. */
export const ruleFieldSchema = z.strictObject({ path: z.array(z.string()), type: z.enum(FIELD_TYPES) });
export type RuleField = z.infer<typeof ruleFieldSchema>;
