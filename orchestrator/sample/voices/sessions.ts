import type { Host } from "../population.ts";
import { WeightedTable } from "../random.ts";
import { say, type Scene } from "../scene.ts";
import * as sshd from "./sshd.ts";

/** Something that takes several lines: a login and its end, a cron job, a change of user. */
interface Session {
  readonly kind: Kind;
  readonly host: Host;
  readonly pid: number;
  readonly user: string;
  readonly remote: string;
  readonly port: number;
  /** Line to be said next, from 0. */
  step: number;
}

type Step = (scene: Scene, session: Session) => void;
interface Kind {
  readonly weight: number;
  readonly steps: readonly Step[];
}

const cronOpened: Step = (s, { pid, user }) =>
  say(s, "CRON", pid, `pam_unix(cron:session): session opened for user ${user} by (uid=0)`);
const cronClosed: Step = (s, { pid, user }) =>
  say(s, "CRON", pid, `pam_unix(cron:session): session closed for user ${user}`);
const opened: Step = (s, { pid, user }) => sshd.sessionOpened(s, pid, user);
const closed: Step = (s, { pid, user }) => sshd.sessionClosed(s, pid, user);
const left: Step = (s, { pid, remote }) => sshd.disconnected(s, pid, remote);
const acceptedBy =
  (method: string): Step =>
  (s, { pid, user, remote, port }) =>
    sshd.accepted(s, pid, method, user, remote, port);

/** What happens on an ordinary day. */
const KINDS: readonly Kind[] = [
  { weight: 30, steps: [cronOpened, cronClosed] },
  {
    weight: 16,
    steps: [(s, { pid, user }) => sshd.authorized(s, pid, user), acceptedBy("gssapi-with-mic"), opened, left, closed],
  },
  { weight: 11, steps: [acceptedBy("publickey"), opened, left, closed] },
  {
    weight: 9,
    steps: [
      (s, { pid, user }) => sshd.remark(s, pid, `pam_krb5(sshd:auth): user ${user} authenticated as ${user}@META`),
      acceptedBy("password"),
      opened,
      left,
      closed,
    ],
  },
  {
    weight: 5,
    steps: [
      (s, { pid, user, remote }) =>
        sshd.remark(
          s,
          pid,
          `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${remote}  user=${user}`,
        ),
      (s, { pid, user, remote }) =>
        sshd.remark(
          s,
          pid,
          `pam_krb5(sshd:auth): authentication failure; logname=${user} uid=0 euid=0 tty=ssh ruser= rhost=${remote}`,
        ),
      (s, { pid, user, remote, port }) => sshd.failed(s, pid, "password", user, remote, port),
      acceptedBy("password"),
      opened,
      closed,
    ],
  },
  { weight: 3, steps: [(s, { pid, remote }) => sshd.remark(s, pid, `Connection closed by ${remote} [preauth]`)] },
  {
    weight: 2,
    steps: [
      acceptedBy("hostbased"),
      opened,
      (s, { pid }) => sshd.remark(s, pid, "subsystem request for sftp"),
      left,
      closed,
    ],
  },
  { weight: 0.6, steps: [(s, { pid, user, remote }) => sshd.wrongKey(s, pid, user, remote)] },
  { weight: 0.3, steps: [(s) => sshd.listening(s)] },
  {
    weight: 4,
    steps: [
      (s, { user }) =>
        say(
          s,
          "sudo",
          0,
          `${user.padStart(8)} : TTY=pts/${String(s.random.below(40))} ; PWD=/home/${user} ; USER=root ; COMMAND=/usr/bin/${s.random.pick(["apt-get update", "tail -f /var/log/syslog", "qmgr -c list server", "kinit -k", "pbsnodes -l"])}`,
        ),
      (s, { user }) =>
        say(
          s,
          "sudo",
          0,
          `pam_unix(sudo:session): session opened for user root by ${user}(uid=${String(s.random.between(10000, 10500))})`,
        ),
      (s) => say(s, "sudo", 0, "pam_unix(sudo:session): session closed for user root"),
    ],
  },
  {
    weight: 3,
    steps: [
      (s, { pid, user }) => say(s, "su", pid, `Successful su for ${user} by root`),
      (s, { pid, user }) => say(s, "su", pid, `+ /dev/pts/${String(s.random.below(40))} root:${user}`),
      (s, { pid, user }) => say(s, "su", pid, `pam_unix(su:session): session opened for user ${user} by (uid=0)`),
      (s, { pid, user }) => say(s, "su", pid, `pam_unix(su:session): session closed for user ${user}`),
    ],
  },
  {
    weight: 1,
    steps: [
      (s, { pid, user }) => say(s, "su", pid, `FAILED su for root by ${user}`),
      (s, { pid, user }) =>
        say(
          s,
          "su",
          pid,
          `pam_unix(su:auth): authentication failure; logname=${user} uid=${String(s.random.between(10000, 10500))} euid=0 tty=/dev/pts/${String(s.random.below(40))} ruser=${user} rhost=  user=root`,
        ),
    ],
  },
  {
    weight: 1,
    steps: [
      (s, { pid }) => say(s, "nagios3", pid, "pam_unix(nagios3:account): account nagios has expired (account expired)"),
    ],
  },
];
const KIND_TABLE = new WeightedTable(KINDS.map((kind) => kind.weight));

/** Strangers who knock at a door or two; the brute-force attacks are bursts of their own. */
const STRANGERS = new WeightedTable([10, 6, 3]);

/** Sessions open at once, beyond which old ones go on before new ones begin. */
const OPEN_SESSIONS = 60;

/** The ordinary life of a day's auth log: many sessions side by side, each with its lines in order. */
export class Sessions {
  readonly #open: Session[] = [];

  speak(scene: Scene): void {
    const { random } = scene;
    if (random.chance(0.04)) return this.#stranger(scene);
    const goesOn = this.#open.length > 0 && random.chance(this.#open.length >= OPEN_SESSIONS ? 1 : 0.7);
    const at = goesOn ? random.below(this.#open.length) : this.#begin(scene);
    const session = this.#open[at];
    if (session === undefined) return;
    scene.host = session.host;
    session.kind.steps[session.step]?.(scene, session);
    session.step++;
    if (session.step < session.kind.steps.length) return;
    const last = this.#open.pop();
    if (last !== undefined && at < this.#open.length) this.#open[at] = last;
  }

  #begin(scene: Scene): number {
    const { random, population } = scene;
    const kind = KINDS[KIND_TABLE.draw(random)] as Kind;
    const isCron = kind === KINDS[0];
    return (
      this.#open.push({
        kind,
        host: random.pick(population.hosts),
        pid: random.between(1000, 32000),
        user: isCron && random.chance(0.8) ? "root" : (population.users[population.userRank.draw(random)] ?? "root"),
        remote: population.homes[population.homeRank.draw(random)] ?? "192.0.2.1",
        port: random.between(1024, 65535),
        step: 0,
      }) - 1
    );
  }

  #stranger(scene: Scene): void {
    const { random, population } = scene;
    scene.host = random.pick(population.hosts);
    const remote = population.attackers[population.attackerRank.draw(random)] ?? "198.18.0.1";
    const pid = random.between(1000, 32000);
    const what = STRANGERS.draw(random);
    if (what === 0) return sshd.scanned(scene, pid, remote);
    if (what === 1) return sshd.refused(scene, pid, remote);
    sshd.remark(
      scene,
      pid,
      `reverse mapping checking getaddrinfo for ${random.pick(["mail", "static", "gw"])}-${String(random.below(9999))}.example.net [${remote}] failed - POSSIBLE BREAK-IN ATTEMPT!`,
    );
  }
}
