/**
 * The clock of a simulation: what happens when. Times are seconds since the beginning. What was planned for one instant happens in the order
 * in which it was planned, so that equal seeds give equal runs.
 */
export class Agenda {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];
  #order = 0;
  #now = 0;
  #events = 0;

  get now(): number {
    return this.#now;
  }

  /** Events so far. */
  get events(): number {
    return this.#events;
  }

  /** Plans something so many seconds from now; never in the past. */
  after(seconds: number, action: () => void): void {
    this.#push(this.#now + Math.max(0, seconds), this.#order++, action);
  }

  /** Lets everything happen, until nothing is planned any more or `isOver` says so. */
  run(isOver: () => boolean = () => false): void {
    while (this.#times.length > 0 && !isOver()) {
      this.#now = this.#times[0]!;
      const action = this.#pop();
      this.#events++;
      action();
    }
  }

  // A binary heap in three arrays: at a million events objects would cost more than the order.
  #push(time: number, order: number, action: () => void): void {
    const times = this.#times;
    let at = times.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      // Its order is the highest: of equal times it stays behind.
      if (times[parent]! <= time) break;
      this.#copy(parent, at);
      at = parent;
    }
    this.#set(at, time, order, action);
  }

  #pop(): () => void {
    const times = this.#times;
    const orders = this.#orders;
    const first = this.#actions[0]!;
    const time = times.pop()!;
    const order = orders.pop()!;
    const action = this.#actions.pop()!;
    const { length } = times;
    if (length === 0) return first;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      const right = child + 1;
      if (right < length && isBefore(times[right]!, orders[right]!, times[child]!, orders[child]!)) child = right;
      if (isBefore(time, order, times[child]!, orders[child]!)) break;
      this.#copy(child, at);
      at = child;
    }
    this.#set(at, time, order, action);
    return first;
  }

  #copy(from: number, to: number): void {
    this.#set(to, this.#times[from]!, this.#orders[from]!, this.#actions[from]!);
  }

  #set(at: number, time: number, order: number, action: () => void): void {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#actions[at] = action;
  }
}

function isBefore(time: number, order: number, otherTime: number, otherOrder: number): boolean {
  return time < otherTime || (time === otherTime && order < otherOrder);
}
