import { randomBytes } from "node:crypto";
import { asFilesFailed, draftOf, filesFailed, type FileStore } from "./file-store.ts";
import type { Exec, ExecResult } from "./exec.ts";

/** What the scripts exit with when there is nothing at the path. */
const NOTHING = 44;
/** What they exit with when something is there that must not be. */
const TAKEN = 45;

/** $1 directory, $2 mode. Not `mkdir -p`, which leaves the modes on the way to the umask. */
const MAKE_DIR = [
  'make() { [ -d "$1" ] && return; p=${1%/*}; [ -z "$p" ] || [ -d "$p" ] || make "$p" 755 || return',
  'mkdir -m "$2" -- "$1" || [ -d "$1" ]; }',
  'umask 022; make "$1" "$2"',
].join("\n");

/** $1 file, $2 draft, $3 mode, $4 bytes: a connection that breaks looks like the end of the input. */
const WRITE = [
  `umask 077; trap 'exit 1' TERM HUP; trap 'rm -f -- "$2"' EXIT`,
  'cat > "$2" && [ "$(wc -c < "$2")" -eq "$4" ] && chmod -- "$3" "$2" && mv -fT -- "$2" "$1"',
].join("\n");

const READ = `[ -e "$1" ] || exit ${String(NOTHING)}; exec cat -- "$1"`;

const STAT = `[ -e "$1" ] || exit ${String(NOTHING)}; exec stat -L -c "%F,%s,%a" -- "$1"`;

/** $1 to, $2 from. Neither over what is there (-n) nor into it (-T); what could not be moved stays. */
const PUBLISH = [
  `[ ! -e "$1" ] || exit ${String(TAKEN)}`,
  'mv -nT -- "$2" "$1" && [ ! -e "$2" ] && exit 0',
  `[ -e "$2" ] && [ -e "$1" ] && exit ${String(TAKEN)}; exit 1`,
].join("\n");

const REMOVE = 'exec rm -rf -- "$1"';

/**
 * A store that is nothing but commands of the frontend (those of GNU or busybox), for a transport that has no SFTP of its own.
 * @param where the frontend's name, for messages
 * @param timeoutSeconds of each operation
 * @param life what goes on ends with it
 */
export function commandFiles(exec: Exec, where: string, timeoutSeconds: number, life: AbortSignal): FileStore {
  const run = async (
    what: string,
    path: string,
    script: string,
    words: readonly string[] = [],
    stdin: string | Uint8Array = "",
  ): Promise<ExecResult> => {
    let out: ExecResult;
    try {
      out = await exec(["sh", "-c", script, "sh", path, ...words], { timeoutSeconds, signal: life, stdin });
    } catch (error) {
      life.throwIfAborted();
      throw asFilesFailed(what, path, where, error);
    }
    if ([0, NOTHING, TAKEN].includes(out.code)) return out;
    throw filesFailed(what, path, where, out.stderr.trim() || `exit ${String(out.code)}`);
  };
  const octal = (mode: number): string => mode.toString(8);

  return {
    async makeDir(dir, mode = 0o755) {
      await run("make the directory", dir, MAKE_DIR, [octal(mode)]);
    },
    async write(file, content, mode = 0o644) {
      const draft = draftOf(file, randomBytes(6).toString("hex"));
      await run("write", file, WRITE, [draft, octal(mode), String(Buffer.byteLength(content))], content);
    },
    async read(file) {
      const { code, stdout } = await run("read", file, READ);
      return code === NOTHING ? undefined : stdout;
    },
    async stat(path) {
      const { code, stdout } = await run("look at", path, STAT);
      if (code === NOTHING) return undefined;
      const [name = "", bytes = "", mode = ""] = stdout.toString("utf8").trim().split(",");
      const kind = name.startsWith("regular") ? "file" : name === "directory" ? "directory" : "other";
      return { kind, bytes: Number(bytes), mode: Number.parseInt(mode, 8) };
    },
    async publish(from, to) {
      return (await run("name", to, PUBLISH, [from])).code !== TAKEN;
    },
    async remove(path) {
      await run("remove", path, REMOVE);
    },
  };
}
