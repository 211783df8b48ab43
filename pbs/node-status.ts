/**
 * `free` has slots to give; `busy` is well and full; `offline` was taken out by somebody; `down` is away.
 * `unknown` is what the batch system calls so, or a state that we do not know.
 */
export type NodeState = "free" | "busy" | "offline" | "down" | "unknown";

/** An execution host. */
export interface NodeStatus {
  readonly name: string;
  readonly state: NodeState;
  /** As printed. */
  readonly rawState: string;
  /** Slots (cores) that jobs share. */
  readonly slots: number;
  /** Absent where the batch system does not tell what is taken. */
  readonly freeSlots?: number;
  /** What jobs can ask for: `big`, or `cluster=zia` where properties have values. */
  readonly properties: readonly string[];
  /** Why it is offline or down, in somebody's words. */
  readonly note?: string;
}

/**
 * The worst of several states in one text, as `down,offline` or `job-exclusive,busy`.
 * @param words the vocabulary; a word that is not in it makes the state unknown unless a worse one stands beside it
 */
export function nodeStateOf(text: string, words: Readonly<Record<string, NodeState>>): NodeState {
  const states = text
    .split(",")
    .map((word) => word.trim())
    .map((word) => words[word] ?? "unknown");
  return (["down", "offline", "unknown", "busy", "free"] as const).find((state) => states.includes(state)) ?? "unknown";
}
