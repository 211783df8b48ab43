import type { NodeSecrets, NodeSpec } from "../contract/node.ts";
import type { Joined } from "./join.ts";
import type { Life } from "./life.ts";
import type { AgentLog } from "./log.ts";

/** Whether the loader's credential is revoked. It holds again when a load that was over has to go on. */
export interface LoaderState {
  revoked: boolean;
  /** Called at each change; set by whoever has to do something about it. */
  onChange?: (() => void) | undefined;
}

/** What the service of a role gets to do its work: see `elasticsearch-node.ts` and `parser-node.ts`. */
export interface ServiceContext {
  readonly spec: NodeSpec;
  readonly secrets: NodeSecrets;
  readonly joined: Joined;
  /** Node-local working directory of this job, removed at its end. */
  readonly scratch: string;
  readonly life: Life;
  readonly loader: LoaderState;
  /** The node's listener for metrics. */
  readonly relay: { readonly host: string; readonly port: number };
  /** Announces that the node works; again after a restart. */
  register(offer: { readonly pid: number; readonly httpUrl?: string }): Promise<void>;
  /** Tells the orchestrator why the node does not get on; undefined when it does again. */
  problem(problem: string | undefined): void;
  readonly log: AgentLog;
}

/**
 * Runs the service of a role until the agent's life ends. Resolves when nothing of it is left.
 * @throws AgentEnded `service-failed` when it cannot be kept running
 */
export type Service = (context: ServiceContext) => Promise<void>;
