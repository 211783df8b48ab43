/**
 * Makes turns: pieces of work with the same key never overlap. Each begins when the one before it has ended, well or badly, in the order in which they
 * were asked for; what takes a turn must not ask for another one of the same key.
 */
export function createTurns(): <T>(key: object, work: () => Promise<T>) => Promise<T> {
  const last = new WeakMap<object, Promise<unknown>>();
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work);
    last.set(
      key,
      turn.catch(() => undefined),
    );
    return turn;
  };
}
