import { createHash } from "node:crypto";

const BYTES = Buffer.alloc(4 * 2 ** 20, 7);
const OBJECTS = Array.from({ length: 10_000 }, (_, i) => ({ id: i, text: `line ${String(i)}`, parts: [i, i + 1] }));

/**
 * CPU milliseconds that the same piece of work takes: they grow when others press on caches, memory and the other thread of the core, as those of
 * a document do. Some 20 ms.
 */
export function yardstickMillis(): number {
  const before = process.threadCpuUsage();
  createHash("sha256").update(BYTES).digest();
  JSON.parse(JSON.stringify(OBJECTS));
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
