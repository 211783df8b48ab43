import type { EndReason } from "../contract/agent-exits.ts";

/** How an agent's life ended. */
export interface AgentEnd {
  readonly reason: EndReason;
  readonly detail: string;
}

/** Thrown to end the agent from wherever it is. */
export class AgentEnded extends Error {
  readonly end: AgentEnd;

  constructor(reason: EndReason, detail: string) {
    super(detail);
    this.name = "AgentEnded";
    this.end = { reason, detail };
  }
}
