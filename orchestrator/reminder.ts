/**
 * For loops that look often and act rarely: the answer is true once `firstMs` have passed, and again `againMs` after each time that it
 * was true.
 */
export function createReminder(firstMs: number, againMs: number, now: () => number = Date.now): () => boolean {
  let due = now() + firstMs;
  return () => {
    if (now() < due) return false;
    due = now() + againMs;
    return true;
  };
}
