/**
 * How Node runs a parser's process. Blocks and bodies, several megabytes each, go back and forth between threads, and V8 counts what has come in
 * since its last collection of the whole heap towards a limit that follows from the heap, some 20 MB here: it would collect everything, in each
 * thread, for every second block. Up to this size, in MB, it does not.
 *
 * Code of the middle tier, Maglev, lasts seconds here, until that of the highest one is made, and compiling it leaves a quarter of the process's
 * memory to the allocator.
 * @source V8, `Heap::IncrementalMarkingLimitReached`, `AllocatedExternalMemorySinceMarkCompact`; `node --v8-options`
 */
export const PARSER_FLAGS: readonly string[] = ["--initial-old-space-size=128", "--no-maglev"];
