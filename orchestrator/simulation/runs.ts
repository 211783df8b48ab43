import type { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import { Station } from "./station.ts";

/**
 * Where work is done: on the cores of a node, and where all nodes share one machine on those of the machine too, which has
 * no network between them.
 */
export class Runs {
  readonly #agenda: Agenda;
  readonly #costs: Costs;
  readonly #speed: number;
  readonly machine: Station | undefined;

  /** @param speed by which all work takes longer in this run */
  constructor(agenda: Agenda, costs: Costs, machineCores: number | undefined, speed: number) {
    this.#agenda = agenda;
    this.#costs = costs;
    this.#speed = speed;
    const left = machineCores === undefined ? 0 : Math.max(machineCores / 10, machineCores - costs.overheadCores);
    this.machine = machineCores === undefined ? undefined : new Station(agenda, left);
  }

  /** What so many CPU seconds of the cost table are in this run. */
  cpuSeconds(seconds: number): number {
    return seconds * this.#speed;
  }

  /** Work of so many CPU seconds on a node. */
  compute(cores: Station, cpuSeconds: number, done: () => void): void {
    const { machine } = this;
    cores.acquire((release) => {
      const over = (): void => {
        release();
        done();
      };
      if (!machine) this.#agenda.after(cpuSeconds * cores.stretch, over);
      // A node that may use half a core holds its place for longer than it holds the machine's.
      else machine.run(cpuSeconds, () => this.#agenda.after(cpuSeconds * (cores.stretch - 1), over));
    });
  }

  /** How long bytes are on the leg of one node. */
  networkSeconds(bytes: number): number {
    return this.machine ? 0 : bytes / this.#costs.nodeBytesPerSecond;
  }
}
