import type { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import type { Draws } from "./random.ts";
import { Station } from "./station.ts";

/** Of what kind a job is. */
export type Role = "dataNode" | "parser";

/** A job that was submitted. */
export interface SimulatedJob {
  readonly role: Role;
  startedAt?: number;
  endedAt?: number;
}

/**
 * Jobs on their way: qsub one after the other and not more in a minute than allowed, the queue, booting, and the orchestrator's certificate,
 * for which joining agents wait in line.
 */
export class Jobs {
  readonly all: SimulatedJob[] = [];
  readonly orchestrator: Station;
  readonly #agenda: Agenda;
  readonly #costs: Costs;
  readonly #perMinute: number;
  readonly #draws: Draws;
  readonly #submissions: number[] = [];

  constructor(agenda: Agenda, costs: Costs, submissionsPerMinute: number, draws: Draws) {
    this.#agenda = agenda;
    this.#costs = costs;
    this.#perMinute = submissionsPerMinute;
    this.#draws = draws;
    this.orchestrator = new Station(agenda, 1);
  }

  /** When the last submission was. */
  get submittedAt(): number {
    return this.#submissions.at(-1) ?? 0;
  }

  /** Submits one more job. @param onUp called when its node works */
  submit(role: Role, onUp: (job: SimulatedJob) => void): void {
    const { qsubSeconds, queueWaitSeconds, bootSeconds, joinSeconds, nodeSpread } = this.#costs;
    const job: SimulatedJob = { role };
    this.all.push(job);
    const before = this.#submissions;
    const minuteOver = before.length < this.#perMinute ? 0 : before[before.length - this.#perMinute]! + 60;
    const at = Math.max(this.#agenda.now, minuteOver, (before.at(-1) ?? -qsubSeconds) + qsubSeconds);
    before.push(at);
    const wait = this.#draws.exponential(queueWaitSeconds[role]);
    const boot = bootSeconds[role] * this.#draws.factor(nodeSpread);
    this.#agenda.after(at - this.#agenda.now + qsubSeconds + wait, () => {
      job.startedAt = this.#agenda.now;
      // The certificate is asked for first.
      this.orchestrator.run(joinSeconds, () => this.#agenda.after(boot, () => onUp(job)));
    });
  }

  /** Seconds that jobs of a role ran, those that still run up to now. */
  ranSeconds(role: Role): number {
    const { now } = this.#agenda;
    return this.all
      .filter((job) => job.role === role && job.startedAt !== undefined)
      .reduce((sum, { startedAt = 0, endedAt = now }) => sum + endedAt - startedAt, 0);
  }
}
