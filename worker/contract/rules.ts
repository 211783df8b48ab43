import { z } from "zod";

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
});
export type Rules = z.infer<typeof rulesSchema>;

/** Of a campaign that loads nothing. */
export const NO_RULES: Rules = { pipelines: [], otherwise: "", patterns: [] };

/** What a field holds: an exact text, a whole number, a fraction, a truth value, an IP address. */
export const FIELD_TYPES = ["text", "whole", "fraction", "boolean", "address"] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** A field of documents that pipelines write. */
export const ruleFieldSchema = z.strictObject({ path: z.array(z.string()), type: z.enum(FIELD_TYPES) });
export type RuleField = z.infer<typeof ruleFieldSchema>;
