import { WeightedTable, type Random } from "../random.ts";
import { daemonPid, say, type Scene, type Voice } from "../scene.ts";

const SERVER = "arien.grid.example.org";
const jobId = (r: Random): string => `${String(1_200_000 + r.below(60_000))}.${SERVER}`;
const node = (scene: Scene): string => scene.random.pick(scene.population.hosts).name;

/** What the execution daemon of the batch system says, by weight. */
const ROWS: readonly (readonly [weight: number, text: (scene: Scene) => string])[] = [
  [
    14,
    ({ random: r }) =>
      `scan_for_terminated, job ${jobId(r)} task ${String(r.between(1, 16))} terminated, sid=${String(r.between(1000, 32000))}`,
  ],
  [
    12,
    ({ random: r }) =>
      `obit sent to server for job ${jobId(r)}, exit status ${String(r.pick([0, 0, 0, 1, 2, 127, 137, 143, 271]))}`,
  ],
  [
    10,
    ({ random: r, population }) =>
      `start_exec, job ${jobId(r)} started for user ${population.users[population.userRank.draw(r)] ?? ""}, cput=00:00:00, ncpus=${String(r.between(1, 16))}, mem=${String(r.between(400, 64000))}mb`,
  ],
  [
    8,
    ({ random: r }) =>
      `mom_server_valid_message_source, duplicate connection from 10.16.255.9:${String(r.between(1, 1023))} - closing original connection`,
  ],
  [
    8,
    (s) =>
      `im_request, job ${jobId(s.random)}: sister ${node(s)} acknowledged command ${String(s.random.between(1, 14))}, event ${String(s.random.between(1, 9999))}`,
  ],
  [
    6,
    (s) =>
      `LOG_ERROR::sister could not communicate (15059) in ${jobId(s.random)}, job_start_error from node ${node(s)} in job_start_error`,
  ],
  [
    6,
    ({ random: r, population }) =>
      `scratch_watch, job ${jobId(r)}: /scratch/${population.users[population.userRank.draw(r)] ?? ""}/job_${String(r.next())} holds ${String(r.between(1, 900))} GB of ${String(r.between(100, 900))} GB`,
  ],
  [
    5,
    ({ random: r }) =>
      `LOG_ERROR::No such file or directory (2) in open_std_out_err, cannot stat /var/spool/torque/spool/${jobId(r)}.OU`,
  ],
  [
    5,
    ({ random: r }) =>
      `resource_over, job ${jobId(r)}: ${r.pick(["cput", "walltime", "vmem", "mem"])} ${String(r.between(1000, 999999))} exceeded limit ${String(r.between(1000, 999999))}`,
  ],
  [
    4,
    ({ random: r }) =>
      `job_nodes_ok, job ${jobId(r)} delete request of PBS_Server@${SERVER}, signal ${r.pick(["SIGTERM", "SIGKILL"])} sent to ${String(r.between(1, 64))} processes`,
  ],
];

/** How every job of a burst dies: the server took a whole array of jobs away. */
const ARRAY_DELETED = (r: Random): string =>
  `kill_job, job ${String(1_200_000 + r.below(60_000))}[${String(r.below(1000))}].${SERVER} killed by request of the server, ${String(r.between(1, 64))} processes`;

const TABLE = new WeightedTable(ROWS.map(([weight]) => weight));

/** Speaks for a random host: the collector writes all hosts' lines into one file a day. */
export const pbsVoice: Voice = (scene) => {
  const { random, population } = scene;
  scene.host = random.pick(population.hosts);
  const text = scene.burst > 0 ? ARRAY_DELETED(random) : (ROWS[TABLE.draw(random)]?.[1](scene) ?? "");
  say(scene, "pbs_mom", daemonPid(scene, 10), text);
};
