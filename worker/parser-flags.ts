/**
 * How Node runs a parser's process. Blocks and bodies, several megabytes each, go back and forth between threads, and V8 counts what has come in
 * since its last collection of the whole heap towards a limit that follows from the heap, some 20 MB here: it would collect everything, in each
 * thread, for every second block. Up to this size, in MB, it does not. From then on a heap of 40 MB is collected when it has grown by so many
 * percent: several times in a gigabyte of lines, which cost little, where V8 would wait until it is twice as large.
 *
 * The young generation, one in each thread, would grow to 48 MB for batches that pass through it once: a small one is as fast and holds 40 MB less.
 *
 * Code of the middle tier, Maglev, lasts seconds here, until that of the highest one is made, and compiling it leaves a quarter of the process's
 * memory to the allocator.
 * @source V8, `Heap::IncrementalMarkingLimitReached`, `AllocatedExternalMemorySinceMarkCompact`; `node --v8-options`
 */
export const PARSER_FLAGS: readonly string[] = [
  "--initial-old-space-size=48",
  "--heap-growing-percent=30",
  "--max-semi-space-size=2",
  "--no-maglev",
];

/** glibc gives each thread an arena of its own, with what compiling left in it; a parser's threads seldom ask at once. @source mallopt(3) */
export const PARSER_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: "1" };
