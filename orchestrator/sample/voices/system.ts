import type { HostRole } from "../population.ts";
import { WeightedTable, type Random } from "../random.ts";
import { daemonPid, say, utf8, type Scene, type Voice } from "../scene.ts";

/** What daemons and cron tell syslog. A row: weight by role of the host, and what is said. */
interface Row {
  readonly worker: number;
  readonly frontend: number;
  readonly mail: number;
  readonly monitor: number;
  readonly voice: Voice;
}

const every = (weight: number): Omit<Row, "voice"> => ({
  worker: weight,
  frontend: weight,
  mail: weight,
  monitor: weight,
});

const COMMANDS = [
  "   cd / && run-parts --report /etc/cron.hourly",
  "[ -x /usr/lib/php5/maxlifetime ] && [ -d /var/lib/php5 ] && find /var/lib/php5/ -type f -cmin +$(/usr/lib/php5/maxlifetime) -delete",
  "test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )",
  "if [ -x /etc/munin/plugins/apt_all ]; then /etc/munin/plugins/apt_all update 7200 12 >/dev/null; fi",
  "/usr/local/sbin/check-scratch --quota --report /var/run/scratch.state",
  "/usr/lib/nagios/plugins/submit_passive -H nagios.example.org -s grid_health >/dev/null 2>&1",
  "/opt/pbs/sbin/node-health --quiet --max-load 96 --min-free /scratch:10G",
  "/usr/sbin/krb5-renew --keytab /etc/krb5.keytab --lifetime 10h",
];
const STORAGES = ["storage-brno2", "storage-plzen1", "storage-praha1", "storage-jihlava2"];
const DOMAINS = ["example.org", "grid.example.org", "mail.example.net", "lists.example.com", "uni.example.edu"];
const OWNERS = [utf8("Ondřej Dvořák"), utf8("Žofie Nováková"), "Jan Novak", utf8("Lukáš Černý"), "Petr Svoboda"];
const CLASSES = ["Ntp", "Ssh::Server", "Krb5::Client", "Rsyslog::Client", "Pbs::Mom", "Nagios::Nrpe", "Apt", "Scratch"];
const CHECKS = [
  "check_load",
  "check_disk",
  "check_procs",
  "check_ntp_time",
  "check_afs",
  "check_pbs_mom",
  "check_swap",
];
const SERVICES = ["LOAD", "DISK", "PBS_MOM", "SSH", "NTP", "AFS", "SCRATCH", "SWAP"];

const queueId = (random: Random): string => random.hex(8).toUpperCase() + random.hex(2).toUpperCase();
const serverPeer = (random: Random): string => `192.0.2.${String(random.between(1, 40))}`;
const decimal = (random: Random, whole: number, digits: number): string =>
  `${String(random.below(whole))}.${random.digits(digits)}`;

function address(scene: Scene): string {
  const { random, population } = scene;
  return `${population.users[population.userRank.draw(random)] ?? "nobody"}@${random.pick(DOMAINS)}`;
}

const ROWS: readonly Row[] = [
  {
    ...every(20),
    voice: (s) => say(s, "CRON", s.random.between(1000, 32000), `(root) CMD (${s.random.pick(COMMANDS)})`),
  },
  {
    ...every(4),
    voice: (s) => {
      const user = s.population.users[s.population.userRank.draw(s.random)] ?? "nobody";
      say(
        s,
        "CRON",
        s.random.between(1000, 32000),
        `(${user}) CMD (/home/${user}/bin/sync-results --since ${String(s.random.between(1, 999))}h >> /home/${user}/cron.log)`,
      );
    },
  },
  {
    ...every(9),
    voice: (s) => {
      const r = s.random;
      const texts = [
        `synchronized to ${serverPeer(r)}, stratum ${String(r.between(1, 3))}`,
        `time reset ${r.chance(0.5) ? "+" : "-"}${decimal(r, 2, 6)} s`,
        `kernel time sync status change ${r.pick(["2001", "6001", "0001"])}`,
        `peer ${serverPeer(r)} now ${r.pick(["valid", "invalid"])}, offset ${r.chance(0.5) ? "" : "-"}${decimal(r, 1, 6)}, delay ${decimal(r, 1, 6)}, dispersion ${decimal(r, 1, 6)}`,
      ];
      say(s, "ntpd", daemonPid(s, 1), r.pick(texts));
    },
  },
  {
    ...every(14),
    voice: (s) => {
      const r = s.random;
      const name = r.pick(CLASSES);
      const texts = [
        `Finished catalog run in ${decimal(r, 90, 2)} seconds`,
        `(/Stage[main]/${name}/File[/etc/${name.toLowerCase().replace("::", "/")}.conf]/content) content changed '{md5}${r.hex(8)}${r.hex(8)}${r.hex(8)}${r.hex(8)}' to '{md5}${r.hex(8)}${r.hex(8)}${r.hex(8)}${r.hex(8)}'`,
        `(/Stage[main]/${name}/Service[${name.toLowerCase()}]) Triggered 'refresh' from ${String(r.between(1, 4))} events`,
        `Could not retrieve catalog from remote server: execution expired after ${String(r.between(60, 180))}.${r.digits(3)} s; using cached catalog of run ${r.hex(8)}`,
        `Applying configuration version '${String(1356998400 + s.second - (s.second % 1800))}' for ${s.host.name}, responsible: ${r.pick(OWNERS)}`,
      ];
      say(s, "puppet-agent", daemonPid(s, 2), r.pick(texts));
    },
  },
  {
    worker: 9,
    frontend: 9,
    mail: 5,
    monitor: 4,
    voice: (s) =>
      say(
        s,
        "snmpd",
        daemonPid(s, 3),
        `Connection from UDP: [192.0.2.${String(s.random.between(50, 60))}]:${String(s.random.between(1024, 65000))}->[${s.host.ip}]:161, community of view systemonly, ${String(s.random.between(1, 60))} variables`,
      ),
  },
  {
    worker: 5,
    frontend: 2,
    mail: 0,
    monitor: 0,
    voice: (s) => {
      const r = s.random;
      const server = `10.16.255.${String(r.between(1, 4))}`;
      const xid = `0x${r.hex(8)}`;
      const texts = [
        `DHCPREQUEST on eth${String(r.below(2))} to ${server} port 67 (xid=${xid})`,
        `DHCPACK from ${server} (xid=${xid})`,
        `bound to ${s.host.ip} -- renewal in ${String(r.between(1200, 43000))} seconds.`,
      ];
      say(s, "dhclient", 0, r.pick(texts));
    },
  },
  {
    worker: 11,
    frontend: 10,
    mail: 6,
    monitor: 0,
    voice: (s) => {
      const r = s.random;
      const texts = [
        `Running command: /usr/lib/nagios/plugins/${r.pick(CHECKS)} -w ${String(r.between(5, 95))} -c ${String(r.between(10, 99))} for host 192.0.2.${String(r.between(50, 60))}`,
        `Command completed with return code ${String(r.below(3))} and output: LOAD OK - load average: ${decimal(r, 64, 2)}, ${decimal(r, 64, 2)}, ${decimal(r, 64, 2)}|load1=${decimal(r, 64, 3)};64.000;96.000;0;`,
        `Error: Could not complete SSL handshake with 192.0.2.${String(r.between(50, 60))}: ${String(r.between(1, 5))}, errno ${String(r.between(2, 120))}`,
      ];
      say(s, "nrpe", s.random.between(1000, 32000), r.pick(texts));
    },
  },
  {
    worker: 2,
    frontend: 3,
    mail: 40,
    monitor: 3,
    voice: (s) =>
      say(
        s,
        "postfix/smtp",
        s.random.between(1000, 32000),
        `${queueId(s.random)}: to=<${address(s)}>, relay=mx${String(s.random.between(1, 4))}.example.org[192.0.2.${String(s.random.between(100, 120))}]:25, delay=${decimal(s.random, 30, 2)}, delays=${decimal(s.random, 2, 2)}/0.0${String(s.random.below(9))}/${decimal(s.random, 3, 2)}/${decimal(s.random, 9, 2)}, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as ${queueId(s.random)})`,
      ),
  },
  {
    worker: 2,
    frontend: 2,
    mail: 30,
    monitor: 2,
    voice: (s) =>
      say(
        s,
        "postfix/qmgr",
        daemonPid(s, 4),
        s.random.chance(0.5)
          ? `${queueId(s.random)}: from=<${address(s)}>, size=${String(s.random.between(300, 90000))}, nrcpt=${String(s.random.between(1, 5))} (queue active)`
          : `${queueId(s.random)}: removed`,
      ),
  },
  {
    worker: 1,
    frontend: 1,
    mail: 20,
    monitor: 1,
    voice: (s) =>
      say(
        s,
        "postfix/cleanup",
        s.random.between(1000, 32000),
        `${queueId(s.random)}: message-id=<20130${String(s.random.between(100, 199))}${s.random.digits(6)}.${queueId(s.random)}@${s.host.name}>`,
      ),
  },
  {
    worker: 0,
    frontend: 0,
    mail: 20,
    monitor: 0,
    voice: (s) =>
      say(
        s,
        "postfix/smtpd",
        s.random.between(1000, 32000),
        `NOQUEUE: reject: RCPT from unknown[${s.population.attackers[s.population.attackerRank.draw(s.random)] ?? ""}]: 554 5.7.1 <${address(s)}>: Relay access denied; from=<${address(s)}> to=<${address(s)}> proto=ESMTP helo=<${s.random.hex(6)}>`,
      ),
  },
  {
    worker: 0,
    frontend: 0,
    mail: 0,
    monitor: 60,
    voice: (s) => {
      const { random: r, population } = s;
      const host = r.pick(population.hosts).name;
      const service = r.pick(SERVICES);
      const state = r.pick(["OK", "WARNING", "CRITICAL", "UNKNOWN"]);
      const texts = [
        `SERVICE ALERT: ${host};${service};${state};${r.pick(["SOFT", "HARD"])};${String(r.between(1, 4))};${service} ${state} - ${decimal(r, 100, 2)} of ${String(r.between(100, 999))}`,
        `SERVICE NOTIFICATION: grid-admins;${host};${service};${state};notify-service-by-email;connect to address ${s.host.ip} port ${String(r.between(22, 9000))}: Connection refused`,
        `Warning: The results of service '${service}' on host '${host}' are stale by 0d 0h ${String(r.below(59))}m ${String(r.below(59))}s (threshold=0d 1h 0m 0s).  I'm forcing an immediate check of the service.`,
      ];
      say(s, "nagios3", daemonPid(s, 5), r.pick(texts));
    },
  },
  {
    worker: 6,
    frontend: 6,
    mail: 0,
    monitor: 0,
    voice: (s) => {
      const r = s.random;
      const user = s.population.users[s.population.userRank.draw(r)] ?? "nobody";
      const texts = [
        `attempting to mount entry /storage/${r.pick(STORAGES)}/home/${user}`,
        `expired /storage/${r.pick(STORAGES)}/home/${user}`,
        `key "${user}" not found in map source(s), lookup took ${decimal(r, 3, 3)} s`,
      ];
      say(s, "automount", daemonPid(s, 6), r.pick(texts));
    },
  },
  {
    ...every(3),
    voice: (s) =>
      say(
        s,
        "nslcd",
        daemonPid(s, 7),
        `[${s.random.hex(6)}] <passwd="${s.population.users[s.population.userRank.draw(s.random)] ?? ""}"> ${s.random.chance(0.7) ? "ldap_result() timed out after 10 s" : "no available LDAP server found, sleeping 1 seconds"}: ldaps://ldap${String(s.random.between(1, 3))}.example.org/`,
      ),
  },
  {
    ...every(4),
    voice: (s) =>
      say(
        s,
        "smartd",
        daemonPid(s, 8),
        `Device: /dev/sd${s.random.pick(["a", "b", "c", "d"])} [SAT], SMART Usage Attribute: ${s.random.pick(["194 Temperature_Celsius", "190 Airflow_Temperature_Cel", "195 Hardware_ECC_Recovered"])} changed from ${String(s.random.between(60, 120))} to ${String(s.random.between(60, 120))}`,
      ),
  },
  {
    ...every(2),
    voice: (s) =>
      say(
        s,
        "rsyslogd",
        0,
        `-- action 'fwd-gss' ${s.random.pick(["suspended", "resumed"])}, next retry is in ${String(s.random.between(10, 600))} s, queue holds ${String(s.random.below(90000))} messages [try http://www.rsyslog.com/e/2007 ]`,
      ),
  },
  {
    worker: 3,
    frontend: 12,
    mail: 3,
    monitor: 12,
    voice: (s) => {
      const r = s.random;
      say(
        s,
        "apache2",
        daemonPid(s, 9),
        `${s.population.homes[s.population.homeRank.draw(r)] ?? "-"} - - "GET /${r.pick(["wiki", "grid", "perun", "stats", "munin"])}/${r.hex(5)}.html?page=${String(r.below(900))} HTTP/1.1" ${r.pick(["200", "200", "200", "304", "404"])} ${String(r.between(200, 90000))}`,
      );
    },
  },
];

/** A voice for the syslog of hosts of each role. */
export const SYSTEM_VOICES: Readonly<Record<HostRole, Voice>> = {
  worker: voiceOf("worker"),
  frontend: voiceOf("frontend"),
  mail: voiceOf("mail"),
  monitor: voiceOf("monitor"),
};

function voiceOf(role: HostRole): Voice {
  const table = new WeightedTable(ROWS.map((row) => row[role]));
  return (scene) => ROWS[table.draw(scene.random)]?.voice(scene);
}
