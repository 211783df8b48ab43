import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Two network namespaces with one cable between them: `inside`, where a gateway and its members are, and `outside`, which reaches
 * the inside's one address on the cable and nothing else. The machine's own namespace has no leg.
 */
export interface TwoSpaces {
  readonly inside: string;
  readonly outside: string;
  /** The inside's address on the cable. */
  readonly address: string;
  /** The words that begin a command inside or outside. */
  enter(space: "inside" | "outside"): readonly string[];
  /** TCP listeners of a namespace, `address:port`. */
  listeners(space: "inside" | "outside"): string[];
  remove(): void;
}

/** Makes them. Root only. The names are this run's own. */
export function makeTwoSpaces(): TwoSpaces {
  const prefix = `gh${randomBytes(3).toString("hex")}`;
  const [inside, outside] = [`${prefix}-in`, `${prefix}-out`];
  const ip = (...words: readonly string[]): void => void execFileSync("ip", words);
  const enter = (space: "inside" | "outside"): readonly string[] => [
    "nsenter",
    `--net=/run/netns/${space === "inside" ? inside : outside}`,
    "--",
  ];
  const address = "10.213.78.1";
  for (const name of [inside, outside]) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
  }
  ip("-n", inside, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", outside);
  ip("-n", inside, "address", "add", `${address}/30`, "dev", "cable");
  ip("-n", outside, "address", "add", "10.213.78.2/30", "dev", "cable");
  for (const name of [inside, outside]) ip("-n", name, "link", "set", "cable", "up");
  return {
    inside,
    outside,
    address,
    enter,
    listeners(space) {
      const [command = "", ...words] = [...enter(space), "ss", "-Hltn"];
      const lines = execFileSync(command, words, { encoding: "utf8" }).split("\n");
      return lines.filter((line) => line !== "").map((line) => line.trim().split(/\s+/)[3] ?? "");
    },
    remove() {
      for (const name of [inside, outside]) ip("netns", "delete", name);
    },
  };
}

/**
 * A folder for the front of PATH in which the embedded batch system finds a `prlimit` of its own: it starts each job inside, whoever
 * submitted it from wherever, as the mom of a real one does on its own host.
 */
export function jobsInside(dir: string, spaces: TwoSpaces): string {
  const file = join(dir, "prlimit");
  writeFileSync(file, `#!/bin/sh\nexec ${spaces.enter("inside").join(" ")} /usr/bin/prlimit "$@"\n`);
  chmodSync(file, 0o755);
  return dir;
}
