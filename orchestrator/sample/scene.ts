import type { Host, Population } from "./population.ts";
import type { Random } from "./random.ts";

/** Events of sshd by the names that the seed's patterns give them, with the result's word. */
export const SSH_RESULTS = [
  "AUTHN Accepted",
  "AUTHN Failed",
  "AUTHZ Authorized",
  "SCAN identification",
  "INVALID Invalid",
  "DISCONNECT disconnect",
  "WRONGKEY tried",
  "REFUSED refused",
] as const;
export type SshResult = (typeof SSH_RESULTS)[number];

/** The events alone. What else sshd's messages tell the manifest does not count. */
export const SSH_EVENTS: readonly string[] = [...new Set(SSH_RESULTS.map((result) => result.split(" ")[0]!))];

/**
 * One line in the making. There is one scene for each file; a voice fills it, then the line is built from it.
 * All texts are byte strings: one character for each byte, so that what is not UTF-8 can be written too.
 */
export interface Scene {
  readonly random: Random;
  readonly population: Population;
  /** Local second of the month. */
  second: number;
  /** The burst that the moment belongs to, from 1; 0 for none. */
  burst: number;
  host: Host;
  program: string;
  /** 0 when the program does not write one. */
  pid: number;
  message: string;
  /** What sshd reports, "" for all other lines. */
  ssh: SshResult | "";
  /** The other side; "" where the message does not name it. */
  remote: string;
}

/** Says something in a scene: sets program, pid, message, and for sshd what it reports. */
export type Voice = (scene: Scene) => void;

export function createScene(random: Random, population: Population, host: Host): Scene {
  return {
    random,
    population,
    second: 0,
    burst: 0,
    host,
    program: "",
    pid: 0,
    message: "",
    ssh: "",
    remote: "",
  };
}

/** Sets everything but what sshd reports, which is cleared. */
export function say(scene: Scene, program: string, pid: number, message: string): void {
  scene.program = program;
  scene.pid = pid;
  scene.message = message;
  scene.ssh = "";
  scene.remote = "";
}

/** A process id that a daemon keeps for the month. */
export function daemonPid(scene: Scene, daemon: number): number {
  return 700 + ((scene.host.number * 7919 + daemon * 613) % 4000);
}

/** Text in UTF-8 as a byte string. */
export function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
