import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GridError } from "../../../worker/contract/errors.ts";
import { runTool } from "../../runtimes/run-tool.ts";

/**
 * Elasticsearch refuses to run on any but a loopback address where it may open fewer files than this.
 * @source Elasticsearch reference, "Bootstrap checks", "File descriptor check"
 */
const FILES = 65_535;

/** Tells a program that it may open enough files. It may not really: a bed's data are small. */
const SOURCE = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/resource.h>
static int ask(const char *name, int resource, struct rlimit *limit) {
  int (*real)(int, struct rlimit *) = (int (*)(int, struct rlimit *))dlsym(RTLD_NEXT, name);
  int result = real(resource, limit);
  if (result == 0 && resource == RLIMIT_NOFILE && limit->rlim_max < ${FILES}) limit->rlim_cur = limit->rlim_max = ${FILES};
  return result;
}
int getrlimit(__rlimit_resource_t resource, struct rlimit *limit) { return ask("getrlimit", resource, limit); }
int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *limit) { return ask("getrlimit64", resource, (struct rlimit *)limit); }
`;

/** The hard limit of open files of this process and of what it starts. @source bash(1) ulimit */
function mostFiles(): number {
  const text = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  return text === "unlimited" ? Infinity : Number(text);
}

/**
 * The Java that the nodes of a bed run: the given one where a node may open enough files, else a home in `dir` whose `java`
 * believes so. For beds only: on a real node the limit is to be raised.
 * @throws GridError `SLURM_BED_FAILED` when a compiler is needed and there is none
 */
export async function bedJavaHome(dir: string, javaHome: string): Promise<string> {
  if (mostFiles() >= FILES) return javaHome;
  rmSync(dir, { recursive: true, force: true });
  const home = join(dir, "home");
  mkdirSync(join(home, "bin"), { recursive: true });
  const [source, library] = [join(dir, "limit.c"), join(dir, "limit.so")];
  writeFileSync(source, SOURCE);
  const { code, tail } = await runTool("cc", ["-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"]).catch(
    (cause: unknown) => {
      throw new GridError("SLURM_BED_FAILED", "the Slurm bed needs a C compiler; install gcc and libc6-dev", { cause });
    },
  );
  if (code !== 0) throw new GridError("SLURM_BED_FAILED", `the Slurm bed: cc could not compile ${source}: ${tail}`);
  for (const name of readdirSync(javaHome)) if (name !== "bin") symlinkSync(join(javaHome, name), join(home, name));
  const script = `#!/bin/sh\nLD_PRELOAD='${library}' exec '${join(javaHome, "bin", "java")}' "$@"\n`;
  writeFileSync(join(home, "bin", "java"), script, { mode: 0o755 });
  return home;
}
