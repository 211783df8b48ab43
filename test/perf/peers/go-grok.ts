import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Missing, Place } from "../parse/contenders.ts";
import { runProgram, startServer, type Running } from "../parse/measure.ts";
import { findProgram } from "./find-program.ts";

const SOURCES = fileURLToPath(new URL("go-grok", import.meta.url));

/** Elastic's grok for Go: built with the versions of its `go.sum`, below the state directory. */
export async function goGrok(work: "header" | "ssh", place: Place): Promise<Running | Missing> {
  const { dir, stateDir, pin, signal } = place;
  const go = findProgram("go");
  if (go === undefined) return { missing: "install Go 1.21 or newer: apt-get install golang, or go.dev" };
  const kept = join(stateDir, "bench", "go");
  const program = join(dir, `go-grok-${work}`);
  await mkdir(kept, { recursive: true });
  const env = {
    ...process.env,
    GOCACHE: join(kept, "build"),
    GOMODCACHE: join(kept, "mod"),
    GOFLAGS: "-modcacherw -mod=readonly",
    GOTOOLCHAIN: "local",
  };
  try {
    await runProgram({ argv: [go, "build", "-o", program, "."], pin: undefined, signal, env, cwd: SOURCES });
  } catch (error) {
    signal.throwIfAborted();
    return { missing: `it cannot be built: ${(error as Error).message}` };
  }
  return startServer({ argv: [program, work], pin, signal });
}
