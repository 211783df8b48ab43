import { daemonPid, say, type Scene, type SshResult } from "../scene.ts";

/** Texts of sshd, in the words of OpenSSH 5 and 6, each with what it reports. */

const REALM = "META";

/** Says a line of sshd that reports something of the other side. */
function report(scene: Scene, pid: number, ssh: SshResult, remote: string, message: string): void {
  say(scene, "sshd", pid, message);
  scene.ssh = ssh;
  scene.remote = remote;
}

export function accepted(s: Scene, pid: number, method: string, user: string, remote: string, port: number): void {
  report(s, pid, "AUTHN Accepted", remote, `Accepted ${method} for ${user} from ${remote} port ${String(port)} ssh2`);
}

export function failed(s: Scene, pid: number, method: string, user: string, remote: string, port: number): void {
  report(s, pid, "AUTHN Failed", remote, `Failed ${method} for ${user} from ${remote} port ${String(port)} ssh2`);
}

export function authorized(s: Scene, pid: number, user: string): void {
  report(s, pid, "AUTHZ Authorized", "", `Authorized to ${user}, krb5 principal ${user}@${REALM} (krb5_kuserok)`);
}

export function scanned(s: Scene, pid: number, remote: string): void {
  report(s, pid, "SCAN identification", remote, `Did not receive identification string from ${remote}`);
}

export function invalidUser(s: Scene, pid: number, user: string, remote: string): void {
  report(s, pid, "INVALID Invalid", remote, `Invalid user ${user} from ${remote}`);
}

export function disconnected(s: Scene, pid: number, remote: string): void {
  report(s, pid, "DISCONNECT disconnect", remote, `Received disconnect from ${remote}: 11: disconnected by user`);
}

export function wrongKey(s: Scene, pid: number, user: string, remote: string): void {
  report(
    s,
    pid,
    "WRONGKEY tried",
    remote,
    `Authentication tried for ${user} with correct key but not from a permitted host (host=${remote}, ip=${remote})`,
  );
}

export function refused(s: Scene, pid: number, remote: string): void {
  report(s, pid, "REFUSED refused", remote, `refused connect from ${remote} (${remote})`);
}

/** What sshd and its PAM modules say besides. */
export function remark(s: Scene, pid: number, message: string): void {
  say(s, "sshd", pid, message);
}

export function sessionOpened(s: Scene, pid: number, user: string): void {
  remark(s, pid, `pam_unix(sshd:session): session opened for user ${user} by (uid=0)`);
}

export function sessionClosed(s: Scene, pid: number, user: string): void {
  remark(s, pid, `pam_unix(sshd:session): session closed for user ${user}`);
}

/** Lines of the listening daemon itself. */
export function listening(s: Scene): void {
  remark(
    s,
    daemonPid(s, 11),
    s.random.chance(0.5) ? "Server listening on 0.0.0.0 port 22." : "Received SIGHUP; restarting.",
  );
}
