/** A month that is loaded again, beside what an earlier campaign has loaded of it: what is asked for, and what a plan says of it. */

/** What is loaded again. Each loads what the one before it does, too. */
export const AGAIN_MODES = ["failed", "missing", "changed-parser", "all"] as const;
export type AgainMode = (typeof AGAIN_MODES)[number];

/** Why a file is loaded again, or could be. The first that is true of it. */
export const AGAIN_REASONS = ["new", "partial", "changed", "rules"] as const;
export type AgainReason = (typeof AGAIN_REASONS)[number];

/** What a plan says of the earlier load that it goes on from. */
export interface Again {
  readonly mode: AgainMode;
  /** The campaign that has loaded the earlier revision. */
  readonly campaign: string;
  readonly revision: number;
  /** Pattern of its indices. */
  readonly indexPattern: string;
  readonly snapshot: string;
  /** Directory of its snapshot repository. */
  readonly repository: string;
  /** Files by why they are not as the earlier campaign left them, whether or not they are loaded again. */
  readonly files: Readonly<Record<AgainReason, number>> & {
    /** Loaded again. */
    readonly loaded: number;
    /** Their documents are taken over. */
    readonly carried: number;
    /** Of the carried ones: the archive does not hold them any more. */
    readonly gone: number;
    /** New ones that are not loaded. */
    readonly leftOut: number;
  };
  /** Documents and chunks that are taken over. */
  readonly documents: number;
  readonly chunks: number;
  /** What they take on disk, reckoned from the earlier load. */
  readonly indexBytes: number;
}
