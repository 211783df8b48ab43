import { WeightedTable, type Random } from "../random.ts";
import { say, type Scene, type Voice } from "../scene.ts";

/** What the kernel says, by weight. Texts follow `[seconds since boot]`. */
const ROWS: readonly (readonly [weight: number, text: (scene: Scene) => string])[] = [
  [
    30,
    ({ random: r, population, host }) =>
      `[UFW BLOCK] IN=eth0 OUT= MAC=00:25:90:${mac(r)} SRC=${v4(population.attackers[population.attackerRank.draw(r)] ?? "", r)} DST=${host.ip} LEN=${String(r.between(40, 60))} TOS=0x00 PREC=0x00 TTL=${String(r.between(40, 120))} ID=${String(r.below(65536))} PROTO=TCP SPT=${String(r.between(1024, 65535))} DPT=${r.pick(["22", "23", "80", "445", "1433", "3306", "3389", "8080"])} WINDOW=${String(r.pick([1024, 8192, 14600]))} RES=0x00 SYN URGP=0`,
  ],
  [14, ({ random: r }) => `nfs: server storage-${r.pick(["brno2", "plzen1", "praha1"])} not responding, still trying`],
  [12, ({ random: r }) => `nfs: server storage-${r.pick(["brno2", "plzen1", "praha1"])} OK`],
  [
    10,
    ({ random: r, population }) =>
      `${r.pick(["gaussian", "matlab", "R", "namd2", "python", "orca"])}[${String(r.between(1000, 32000))}]: segfault at ${r.hex(8)} ip 00007f${r.hex(8)}1a sp 00007fff${r.hex(8)} error ${String(r.pick([4, 6, 14]))} in libc-2.13.so[7f${r.hex(8)}000+17d000] uid ${String(10000 + population.userRank.draw(r))}`,
  ],
  [
    8,
    ({ random: r }) =>
      `CPU${String(r.below(64))}: Core temperature above threshold, cpu clock throttled (total events = ${String(r.between(1, 99999))})`,
  ],
  [
    6,
    ({ random: r }) =>
      `EDAC MC${String(r.below(4))}: CE page 0x${r.hex(6)}, offset 0x${r.hex(3)}, grain 0, syndrome 0x${r.hex(4)}, row ${String(r.below(8))}, channel ${String(r.below(2))}, label "": amd64_edac`,
  ],
  [5, ({ random: r }) => `eth0: link ${r.pick(["down", "up, 1000 Mbps, full duplex, flow control: RX/TX"])}`],
  [
    5,
    ({ random: r }) =>
      `sd ${String(r.below(6))}:0:0:0: [sd${r.pick(["a", "b", "c"])}] Unhandled sense code, sector ${String(r.next())}`,
  ],
  [
    4,
    ({ random: r }) =>
      `EXT4-fs (dm-${String(r.below(8))}): mounted filesystem with ordered data mode. Opts: errors=remount-ro, inodes ${String(r.next())}`,
  ],
  [
    4,
    ({ random: r }) =>
      `TCP: Possible SYN flooding on port ${String(r.pick([22, 80, 443, 15001, 15002]))}. Sending cookies, ${String(r.between(1, 99999))} so far.`,
  ],
  [
    3,
    ({ random: r }) =>
      `perf samples too long (${String(r.between(2500, 9999))} > 2500), lowering kernel.perf_event_max_sample_rate to ${String(r.between(10000, 60000))}`,
  ],
  [
    3,
    ({ random: r }) =>
      `INFO: task ${r.pick(["kworker/3:1", "flush-8:0", "nfsd", "jbd2/dm-0-8"])}:${String(r.between(100, 9999))} blocked for more than 120 seconds.`,
  ],
];

/** The lines of one incident: a process that took too much memory. */
const OUT_OF_MEMORY: readonly ((random: Random) => string)[] = [
  (r) =>
    `${r.pick(["gaussian", "matlab", "java"])} invoked oom-killer: gfp_mask=0x280da, order=0, oom_adj=0, oom_score_adj=0`,
  (r) =>
    `Call Trace: [<ffffffff81${r.hex(6)}>] ? oom_kill_process+0x${r.hex(2)}/0x2${r.hex(2)} [<ffffffff81${r.hex(6)}>] ? __alloc_pages_nodemask+0x5${r.hex(2)}/0x6${r.hex(2)}`,
  (r) =>
    `Node ${String(r.below(4))} DMA32 free:${String(r.between(1000, 90000))}kB min:${String(r.between(1000, 9000))}kB low:${String(r.between(1000, 9000))}kB high:${String(r.between(1000, 9000))}kB active_anon:${String(r.next())}kB`,
  (r) =>
    `Out of memory: Kill process ${String(r.between(1000, 32000))} (${r.pick(["gaussian", "matlab", "java"])}) score ${String(r.between(100, 999))} or sacrifice child`,
];

const TABLE = new WeightedTable(ROWS.map(([weight]) => weight));

export const kernelVoice: Voice = (scene) => {
  const { random } = scene;
  const uptime = 86_400 * ((scene.host.number % 90) + 1) + scene.second;
  const text = scene.burst > 0 ? random.pick(OUT_OF_MEMORY)(random) : (ROWS[TABLE.draw(random)]?.[1](scene) ?? "");
  say(scene, "kernel", 0, `[${String(uptime)}.${random.digits(6)}] ${text}`);
};

function mac(r: Random): string {
  return `${r.hex(2)}:${r.hex(2)}:${r.hex(2)}:00:1b:21:${r.hex(2)}:${r.hex(2)}:${r.hex(2)}:08:00`;
}

/** The kernel knows no names; and UFW writes IPv6 in another way. */
function v4(address: string, r: Random): string {
  return /^[\d.]+$/.test(address) ? address : `198.18.${String(r.below(256))}.${String(r.between(1, 254))}`;
}
