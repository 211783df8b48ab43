export { startSlurmBed, stopSlurmBed, type BedNode, type SlurmBed, type SlurmBedOptions } from "./bed.ts";
export type { SshPlace } from "./ssh.ts";
export { bedSettings } from "./site.ts";
export { bedJavaHome } from "./java-home.ts";
