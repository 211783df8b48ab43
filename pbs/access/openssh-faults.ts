import { type BackfillError, ConfigError } from "../../worker/contract/errors.ts";
import { unreachable } from "./kept.ts";
import { nameOf, type SshHost } from "./options.ts";

/**
 * What ssh(1) says on stderr when it fails, always with exit status 255. Pure. Its words have been the same for many years; what is not known counts
 * as an unreachable host, which is tried again.
 * @source OpenSSH 9.2 and its captures in test/fixtures/ssh; `-v` prints the server's key
 */
export function connectFault(host: SshHost, stderr: string): BackfillError {
  const name = nameOf(host);
  const words = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^(debug\d:|@|OpenSSH_|Warning: Permanently)/.test(line))
    .join(" ")
    .trim();
  const seen = [...stderr.matchAll(/Server host key: (\S+) (SHA256:\S+)/g)].at(-1);
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known|Host key verification failed/.test(stderr)) {
    const changed = stderr.includes("REMOTE HOST IDENTIFICATION HAS CHANGED");
    const shows = seen ? `it shows ${seen[1] ?? ""} ${seen[2] ?? ""}` : "ssh did not tell which one it shows";
    return new ConfigError(
      "SSH_HOST_KEY",
      `the host key on the way to ${name} ${changed ? "has changed against" : "is not known in"} ${host.knownHosts}: ${shows} (ssh: ${words}); ask its administrator whether that is its key, and only then write it there`,
      { context: { host: name, ...(seen ? { seen: seen[2] ?? "" } : {}) } },
    );
  }
  if (/Permission denied|Too many authentication failures|No more authentication methods/.test(stderr)) {
    return new ConfigError(
      "SSH_AUTH_REFUSED",
      `${name} does not let ${host.user ?? "us"} in (ssh: ${words}); see that there is a ticket (klist) or a key that it takes, or set user or identityFile`,
      { context: { host: name } },
    );
  }
  return unreachable(host, words === "" ? "ssh said nothing" : words);
}

/**
 * What became of a command whose ssh process ended with 255 and whose script said nothing. A session process that finds no master, or gets no session of
 * it, goes on by itself to a `ProxyCommand` that leads nowhere.
 */
export function sessionFault(stderr: string): "no session" | "not connected" | "lost" {
  if (stderr.includes("Session open refused by peer")) return "no session";
  if (stderr.includes("from master failed")) return "lost";
  return stderr.includes("kex_exchange_identification") ? "not connected" : "lost";
}
