import { z } from "zod";
import { duration } from "./values.ts";

/** A machine that is logged in to. */
const sshHost = {
  host: z.string().describe("Name or address."),
  port: z.int().positive().max(65_535).default(22).describe("Port of its sshd."),
  user: z.string().optional().describe("Account there; the name of the user that runs gridharvest when absent."),
  identityFile: z
    .string()
    .optional()
    .describe("Private key. Without one the agent's keys are tried, and with kind openssh the Kerberos ticket."),
  passphraseFile: z.string().optional().describe("File with the passphrase of the private key, for kind ssh."),
  agent: z
    .string()
    .optional()
    .describe("Socket of an ssh agent; that of SSH_AUTH_SOCK when there is no identityFile either."),
  hostKey: z
    .string()
    .optional()
    .describe("Fingerprint that its host key must have, SHA256:…, for kind ssh; else knownHosts must hold the key."),
  knownHosts: z
    .string()
    .default("~/.ssh/known_hosts")
    .describe("File with the host keys that are trusted. No key is trusted because it is the first one seen."),
};

const access = z
  .strictObject({
    kind: z
      .enum(["local", "ssh", "openssh"])
      .default("local")
      .describe(
        "How the commands of the batch system are run: local on this machine, ssh on a frontend, openssh likewise but through the system's ssh, for sites that want Kerberos.",
      ),
    ...sshHost,
    host: z.string().optional().describe("The frontend: name or address. Needed unless kind is local."),
    jump: z
      .array(z.strictObject(sshHost))
      .default([])
      .describe("Machines on the way to the frontend, the first one first, each with a key and a pin of its own."),
    keepAlive: duration
      .prefault("15s")
      .describe("How often a silent connection is asked for a sign of life; after three without an answer it is dead."),
    connectTimeout: duration.prefault("20s").describe("Time limit of a login, for each machine on the way."),
    sessions: z
      .int()
      .positive()
      .default(8)
      .describe(
        "Commands at once over the one connection. sshd allows 10 sessions; files and ending commands take two.",
      ),
    commandDirs: z
      .array(z.string())
      .default([])
      .describe("Directories of the frontend that are searched before the account's PATH, e.g. /opt/pbs/bin."),
    files: z
      .enum(["shared", "sftp"])
      .default("shared")
      .describe(
        "How the files of jobs get to the nodes: shared when this machine and the nodes see the same ones under the same paths, sftp when they must be copied to stagingDir on the frontend.",
      ),
    stagingDir: z
      .string()
      .optional()
      .describe(
        "Absolute path of a directory that the frontend and all nodes see, where the programs that nodes run are staged once, and with files: sftp the files of jobs. Needed with files: sftp; nodes use the programs where they stand when absent.",
      ),
    kerberos: z
      .strictObject({
        warnBefore: duration
          .prefault("30m")
          .describe("A ticket that ends earlier than this is renewed, and when that fails warned of."),
        keytab: z
          .string()
          .optional()
          .describe("File with the keys for new tickets; else the ticket is renewed while it can be."),
        principal: z.string().optional().describe("Whose tickets the keytab is for."),
      })
      .prefault({})
      .describe("The watch over the ticket that kind openssh logs in with when there is no identityFile."),
  })
  .prefault({})
  .describe("The way to the batch system.");

export const batch = z
  .strictObject({
    system: z
      .enum(["local", "torque", "openpbs", "slurm", "auto"])
      .default("local")
      .describe(
        "The batch system: `local` is the embedded one for this machine; torque, openpbs (PBS Pro too), slurm (with its qsub wrappers); `auto` asks `qstat --version` which of the three it is.",
      ),
    poll: duration.prefault("5s").describe("How often jobs are looked at."),
    commandTimeout: duration.prefault("60s").describe("Time limit of one command of the batch system."),
    bootTimeout: duration
      .prefault("30m")
      .describe("How long a job may wait in the queue and boot before the campaign gives up."),
    access,
    submissionsPerMinute: z.int().positive().default(60).describe("Most jobs that a campaign submits in a minute."),
    replaceMargin: duration
      .prefault("10m")
      .describe(
        "How much earlier than measured a successor is submitted before a job's walltime ends; at most a tenth of that walltime.",
      ),
    quarantine: z
      .strictObject({
        failures: z
          .int()
          .positive()
          .default(3)
          .describe("A host on which so many jobs in a row failed soon after their start gets no more jobs."),
        within: duration.prefault("60s").describe("How soon after its start a failure counts."),
        for: duration.prefault("1h").describe("How long a host gets no more jobs."),
      })
      .prefault({})
      .describe("Hosts that fail at once."),
    breaker: z
      .strictObject({
        failures: z
          .int()
          .positive()
          .default(4)
          .describe("After so many failures in a row no more jobs of that role are submitted."),
        pause: duration.prefault("1m").describe("After this long one job is submitted to try; it doubles each time."),
        longestPause: duration.prefault("10m").describe("Longest pause between two tries."),
      })
      .prefault({})
      .describe("When submitting stops by itself."),
    local: z
      .strictObject({
        nodes: z
          .array(z.string())
          .nonempty()
          .default(["127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"])
          .describe("Execution hosts: loopback addresses."),
        slotsPerNode: z.int().positive().default(4).describe("Slots (np) of each execution host."),
        queueDelay: duration.prefault("0s").describe("Least time a job stays queued."),
      })
      .prefault({})
      .describe("The embedded batch system."),
  })
  .prefault({})
  .describe("The batch system that runs the nodes.");
