import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/**
 * The TCP addresses that these processes listen at, `address:port`, as the kernel tells it: also for processes in another network
 * namespace. IPv4-mapped addresses are written as IPv4. @source proc(5), /proc/PID/net/tcp
 */
export function listenersOf(pids: readonly number[]): string[] {
  return [...new Set(pids.flatMap((pid) => tcpSockets(pid, LISTEN).map(({ local }) => local)))];
}

/** The peers, `address:port`, of the established TCP connections that these processes have. */
export function peersOf(pids: readonly number[]): string[] {
  return [...new Set(pids.flatMap((pid) => tcpSockets(pid, ESTABLISHED).map(({ remote }) => remote)))];
}

const ESTABLISHED = "01";
const LISTEN = "0A";

function tcpSockets(pid: number, state: string): { readonly local: string; readonly remote: string }[] {
  const inodes = new Set<string>();
  try {
    for (const fd of readdirSync(`/proc/${String(pid)}/fd`)) {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${String(pid)}/fd/${fd}`))?.[1];
        if (inode !== undefined) inodes.add(inode);
      } catch {
        // Closed meanwhile.
      }
    }
    return ["tcp", "tcp6"].flatMap((table) =>
      readFileSync(`/proc/${String(pid)}/net/${table}`, "utf8")
        .split("\n")
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === state && inodes.has(fields[9] ?? ""))
        .map((fields) => ({ local: readable(fields[1] ?? ""), remote: readable(fields[2] ?? "") })),
    );
  } catch {
    // The process has ended.
    return [];
  }
}

/** `0100007F:1F90` is 127.0.0.1:8080: words of four bytes in the machine's order, little endian. */
function readable(text: string): string {
  const [address = "", port = ""] = text.split(":");
  const bytes = (address.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse());
  const isMapped = bytes.length === 16 && /^(00){10}(FFFF|0000)$/.test(bytes.slice(0, 12).join(""));
  const last = bytes.slice(-4).map((byte) => Number.parseInt(byte, 16));
  const name = bytes.length === 4 || isMapped ? last.join(".") : bytes.join("");
  return `${name}:${String(Number.parseInt(port, 16))}`;
}
