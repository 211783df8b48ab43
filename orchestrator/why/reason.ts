import type { NodeRole } from "../../worker/contract/keys.ts";

/** Why a campaign does not go on, or not faster: a sentence for people, and what programs tell one from another by. */
export interface Reason {
  readonly kind: string;
  readonly text: string;
  /** Since when, in epoch milliseconds. */
  readonly since?: number;
  readonly role?: NodeRole;
  readonly job?: string;
}

/** To the second. */
export function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
