import type { Redis } from "ioredis";
import type { CampaignKeys } from "../contract/keys.ts";
import type { AGENT_STATES, Heartbeat, NodeSpec } from "../contract/node.ts";
import { treeFigures, type TreeFigures } from "../contract/process-tree.ts";

export type AgentState = (typeof AGENT_STATES)[number];

/** The agent's pulse: a key that outlives three missed beats. */
export interface Pulse {
  /** Tells the new state at once. */
  state(state: AgentState): void;
  /** Tells at once why the node does not get on; undefined when it does again. */
  problem(problem: string | undefined): void;
  /** The last beat; waits for it a moment. */
  end(): Promise<void>;
}

export interface PulseOptions {
  readonly spec: NodeSpec;
  readonly keys: CampaignKeys;
  readonly instance: string;
  readonly redis: () => Redis;
  /** Told of the figures of every beat. */
  readonly onFigures?: (figures: TreeFigures) => void;
}

const LAST_BEAT_MS = 2_000;

export function startPulse(options: PulseOptions): Pulse {
  const { spec, keys, instance } = options;
  let state: AgentState = "claiming";
  let problem: string | undefined;
  const timeToLiveMs = Math.ceil(spec.heartbeatSeconds * 3000);
  const beat = async (): Promise<void> => {
    const figures = treeFigures(process.pid);
    options.onFigures?.(figures);
    const text: Heartbeat = {
      jobName: spec.jobName,
      instance,
      state,
      at: Date.now(),
      ...figures,
      ...(problem === undefined ? {} : { problem }),
    };
    // A beat that gets lost is followed by the next.
    await options
      .redis()
      .set(keys.heartbeat(spec.jobName), JSON.stringify(text), "PX", timeToLiveMs)
      .catch(() => undefined);
  };
  void beat();
  const timer = setInterval(() => void beat(), spec.heartbeatSeconds * 1000);
  return {
    state(next) {
      state = next;
      void beat();
    },
    problem(next) {
      problem = next;
      void beat();
    },
    async end() {
      clearInterval(timer);
      state = "ended";
      let late: NodeJS.Timeout | undefined;
      await Promise.race([beat(), new Promise((resolve) => (late = setTimeout(resolve, LAST_BEAT_MS)))]);
      clearTimeout(late);
    },
  };
}
