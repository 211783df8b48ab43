import { setFlagsFromString } from "node:v8";

/**
 * Lets the heap of this process grow only as what it holds does, for commands that plan: a listing of a million files takes 100 MiB, and V8 would
 * take another 100 for young objects and let those that are dead double it. Takes no longer, as measured. What the young generation has taken by
 * then stays its size, so this is called before anything large.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=25");
}
