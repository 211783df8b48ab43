/**
 * Takes out of a text whatever a fault does not need: halves, quarters, and so on down to single characters (Zeller's delta debugging), as long
 * as the fault stays and there is time.
 * @param fails whether the fault is still there
 */
export function minimise(text: string, fails: (text: string) => boolean, milliseconds: number): string {
  const until = performance.now() + milliseconds;
  let smallest = text;
  for (let size = Math.ceil(text.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length && performance.now() < until;) {
      const without = smallest.slice(0, at) + smallest.slice(at + size);
      if (fails(without)) smallest = without;
      else at += size;
    }
  }
  return smallest;
}

/** Plain data as YAML and JSON have it. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** Likewise for plain data: takes items of lists and keys of objects away, wherever they stand. */
export function minimiseData(data: Plain, fails: (data: Plain) => boolean, milliseconds: number): Plain {
  const until = performance.now() + milliseconds;
  let smallest = data;
  let at = 0;
  for (let candidate; performance.now() < until && (candidate = nth(without(smallest), at)) !== undefined;) {
    if (fails(candidate)) smallest = candidate;
    else at++;
  }
  return smallest;
}

/** The data without one of its parts, for each of them, the outer ones before what they hold. */
function* without(data: Plain): Generator<Plain> {
  if (typeof data !== "object" || data === null) return;
  if (Array.isArray(data)) {
    const list = data as readonly Plain[];
    for (const [i, item] of list.entries()) {
      yield list.toSpliced(i, 1);
      for (const smaller of without(item)) yield list.with(i, smaller);
    }
    return;
  }
  const fields = data as { readonly [key: string]: Plain };
  for (const [key, value] of Object.entries(fields)) {
    yield Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
    for (const smaller of without(value)) yield { ...fields, [key]: smaller };
  }
}

function nth<T>(items: Iterable<T>, at: number): T | undefined {
  let n = 0;
  for (const item of items) if (n++ === at) return item;
  return undefined;
}
