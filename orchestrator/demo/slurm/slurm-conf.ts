/** What a Slurm of the bed is made of. */
export interface SlurmConfOptions {
  /** Holds everything of it: state, spool, sockets. */
  readonly dir: string;
  readonly head: { readonly name: string; readonly address: string };
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  /** Jobs are held together by control groups, else by their processes' parents. */
  readonly controlGroups: boolean;
  /** After so long without an answer a node is down. */
  readonly nodeTimeoutSeconds: number;
  /** Whether a job of a lost node is started elsewhere under its own id, as Slurm does by default. */
  readonly requeue: boolean;
}

/** Whatever the machine has: the scheduler shall not be what a test waits for. */
const CPUS_PER_NODE = 8;
const MEGABYTES_PER_NODE = 16_000;

/**
 * The configuration of a Slurm without accounting, with the queues `batch` and `short`. Daemons and commands find it by SLURM_CONF.
 *
 * slurmctld and slurmd listen on the addresses that their host names have (`NoCtldInAddrAny`, `NoInAddrAny`): on the batch network, and not on the others. A queue
 * named `default` would vanish: Slurm takes it for a template.
 * @source slurm.conf(5) of Slurm 22.05
 */
export function slurmConf(options: SlurmConfOptions): string {
  const { dir, head, nodes, controlGroups, nodeTimeoutSeconds, requeue } = options;
  const names = nodes.map(({ name }) => name).join(",");
  return `ClusterName=bed
SlurmctldHost=${head.name}(${head.address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=${dir}/munge/socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=${dir}/slurm/state
SlurmdSpoolDir=${dir}/slurm/spool/%n
SlurmctldPidFile=${dir}/slurm/slurmctld.pid
SlurmdPidFile=${dir}/slurm/slurmd.%n.pid
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ProctrackType=proctrack/${controlGroups ? "cgroup" : "linuxproc"}
TaskPlugin=task/none
TaskProlog=${dir}/etc/task-prolog
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
PropagateResourceLimits=NONE
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=256
EnforcePartLimits=ALL
JobRequeue=${requeue ? 1 : 0}
ReturnToService=2
SlurmctldTimeout=60
SlurmdTimeout=${nodeTimeoutSeconds}
MessageTimeout=${Math.max(2, Math.floor(nodeTimeoutSeconds / 2))}
InactiveLimit=0
Waittime=0
OverTimeLimit=0
KillWait=5
MinJobAge=300
SlurmdParameters=config_overrides
NodeName=DEFAULT CPUs=${CPUS_PER_NODE} RealMemory=${MEGABYTES_PER_NODE} State=UNKNOWN
${nodes.map(({ name, address }) => `NodeName=${name} NodeAddr=${address}`).join("\n")}
PartitionName=batch Nodes=${names} Default=YES MaxTime=24:00:00 DefaultTime=01:00:00 State=UP
PartitionName=short Nodes=${names} MaxTime=02:00:00 DefaultTime=00:10:00 State=UP
`;
}

/** Stands beside slurm.conf. Only processes are tracked, nothing is limited. @source cgroup.conf(5) of Slurm 22.05 */
export function cgroupConf(mountPoint: string): string {
  return `CgroupPlugin=cgroup/v1
CgroupMountpoint=${mountPoint}
ConstrainCores=no
ConstrainRAMSpace=no
ConstrainDevices=no
`;
}
