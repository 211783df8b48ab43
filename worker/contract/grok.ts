/** Logstash's standard banks: the old one with flat names, and the one that names fields as the Elastic Common Schema does. */
export const STANDARD_BANKS = ["legacy", "ecs-v1"] as const;
export type StandardBank = (typeof STANDARD_BANKS)[number];

/** A file of grok definitions. */
export interface PatternFile {
  /** For messages: where it stands. */
  readonly name: string;
  readonly text: string;
}
