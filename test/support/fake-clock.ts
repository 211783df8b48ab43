import { execFileSync } from "node:child_process";

/**
 * The environment in which programs see a clock that is off, by libfaketime.
 * @param by as faketime(1) has it: `+2h`, `-90s`
 */
export function clockOff(by: string): Readonly<Record<string, string>> {
  // The program knows where its library is, by a name that only the dynamic linker can read.
  const maps = execFileSync("faketime", ["-f", by, "cat", "/proc/self/maps"], { encoding: "utf8" });
  const [library] = /\/\S*libfaketime\S*/.exec(maps) ?? [];
  if (library === undefined) throw new Error(`faketime has loaded no library: ${maps}`);
  return { LD_PRELOAD: library, FAKETIME: by };
}
