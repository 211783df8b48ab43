import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { watchTicket, type KerberosOptions, type TicketWatch } from "../../pbs/access/ticket.ts";
import { localCommandRunner } from "../../pbs/command.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startKdc, type Kdc } from "../support/kerberos.ts";
import { accessTo } from "../support/ssh-access.ts";
import { startSshServer, type SshServer } from "../support/ssh-server.ts";

describeWith(["sshd", "kerberos"], "a site that wants Kerberos", () => {
  const dir = privateStateDir("kerberos");
  const never = new AbortController().signal;
  const warnings: string[] = [];
  const watches: TicketWatch[] = [];
  let kdc: Kdc;
  let server: SshServer;
  let keytab: string;
  let user: string;

  beforeAll(async () => {
    user = execFileSync("id", ["-un"], { encoding: "utf8" }).trim();
    kdc = await startKdc(join(dir, "kdc"), user);
    keytab = kdc.addPrincipal(user);
    server = await startSshServer({
      dir: join(dir, "sshd"),
      config: ["GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no", "PubkeyAuthentication no"],
      through: [
        "env",
        `KRB5_KTNAME=${kdc.addPrincipal("host/localhost")}`,
        `KRB5_CONFIG=${kdc.env["KRB5_CONFIG"] ?? ""}`,
      ],
    });
    // The principal of a server is made of the name that it is called by.
    const known = readFileSync(server.knownHosts, "utf8").replace(server.address, "localhost");
    writeFileSync(join(dir, "known"), known);
    for (const name of ["KRB5_CONFIG", "KRB5CCNAME"]) vi.stubEnv(name, kdc.env[name]);
  });
  beforeEach(() => {
    spawnSync("kdestroy", { stdio: "ignore" });
    warnings.length = 0;
  });
  afterAll(async () => {
    for (const watch of watches) watch.stop();
    spawnSync("kdestroy", { stdio: "ignore" });
    vi.unstubAllEnvs();
    await server.stop();
    await kdc.stop();
  });

  const kinit = (...more: readonly string[]): void => {
    execFileSync("kinit", ["-k", "-t", keytab, ...more, user]);
  };
  const watch = (options: KerberosOptions, now?: () => number): TicketWatch => {
    const made = watchTicket(options, localCommandRunner(), { warn: (text) => void warnings.push(text) }, now);
    watches.push(made);
    return made;
  };

  it("is logged in to with a ticket, which a keytab gives; without either it is refused", async () => {
    const site = {
      kind: "openssh",
      host: "localhost",
      knownHosts: join(dir, "known"),
      identityFile: undefined,
    } as const;
    const limits = { timeoutSeconds: 60, signal: never };
    const without = accessTo(server, { ...site, kerberos: { warnBeforeSeconds: 1800 } });
    try {
      await expect(without.exec(["true"], limits)).rejects.toMatchObject({ code: "SSH_AUTH_REFUSED" });
    } finally {
      without.close();
    }
    const access = accessTo(server, { ...site, kerberos: { warnBeforeSeconds: 1800, keytab, principal: user } });
    try {
      expect((await access.exec(["echo", "in"], limits)).stdout.toString()).toBe("in\n");
      expect(server.log()).toMatch(/Accepted gssapi-with-mic for/);
    } finally {
      access.close();
    }
  });

  it("a ticket that ends soon is renewed as long as it can be", async () => {
    kinit("-l", "1h", "-r", "3h");
    const first = await watch({ warnBeforeSeconds: 1800 }).look(never);
    expect(first).toMatchObject({ principal: `${user}@TEST` });
    expect(warnings).toEqual([]);
    // 40 minutes later, as far as the watch knows.
    const later = watch({ warnBeforeSeconds: 1800 }, () => Date.now() + 40 * 60_000);
    await waitFor("a later end", async () => ((await later.look(never))?.expiresAt ?? 0) > (first?.expiresAt ?? 0));
  });

  it("one that cannot be renewed is warned of, once, while there is time", async () => {
    kinit("-l", "10m");
    const short = watch({ warnBeforeSeconds: 1800 });
    expect(await short.look(never)).toBeDefined();
    await short.look(never);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/ends in (9|10) minutes and could not be renewed .*; run kinit/);
    kinit("-l", "1h");
    await short.look(never);
    expect(warnings).toHaveLength(1);
  });

  it("none at all is said; a keytab gets one, and a new one when it is time", async () => {
    expect(await watch({ warnBeforeSeconds: 1800 }).look(never)).toBeUndefined();
    expect(warnings.splice(0)[0]).toMatch(/^there is no Kerberos ticket .*; run kinit/);
    const first = await watch({ warnBeforeSeconds: 1800, keytab, principal: user }).look(never);
    expect((first?.expiresAt ?? 0) - Date.now()).toBeGreaterThan(9 * 3_600_000);
    kinit("-l", "10m");
    const second = await watch({ warnBeforeSeconds: 1800, keytab, principal: user }).look(never);
    expect((second?.expiresAt ?? 0) - Date.now()).toBeGreaterThan(9 * 3_600_000);
    expect(warnings).toEqual([]);
  });
});
