import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../orchestrator/runtimes/run-tool.ts";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait-for.ts";

/** A real KDC (MIT) of a test's own, for the realm `TEST`. Whoever starts it stops it. */
export interface Kdc {
  /** What every Kerberos program needs to find it: `KRB5_CONFIG`, and a ticket cache of the test's own. */
  readonly env: NodeJS.ProcessEnv;
  /** Makes a principal with a random key. @returns the keytab that holds it */
  addPrincipal(name: string): string;
  stop(): Promise<void>;
}

/** @param dir made when missing @param user who principals named alike are on this machine */
export async function startKdc(dir: string, user: string): Promise<Kdc> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const file = (name: string): string => join(dir, name);
  writeFileSync(
    file("krb5.conf"),
    `[libdefaults]
  default_realm = TEST
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  ticket_lifetime = 10h
[realms]
  TEST = {
    kdc = 127.0.0.1:${String(port)}
    auth_to_local_names = { ${user} = ${user} }
    auth_to_local = DEFAULT
  }
[domain_realm]
  localhost = TEST
`,
  );
  writeFileSync(
    file("kdc.conf"),
    `[kdcdefaults]
  kdc_ports = ""
  kdc_tcp_ports = ${String(port)}
  kdc_listen = ""
  kdc_tcp_listen = 127.0.0.1:${String(port)}
[realms]
  TEST = {
    database_name = ${file("principal")}
    key_stash_file = ${file("stash")}
    acl_file = ${file("acl")}
    max_life = 10h
    max_renewable_life = 7d
  }
[logging]
  kdc = FILE:${file("kdc.log")}
`,
  );
  const env = {
    ...process.env,
    KRB5_CONFIG: file("krb5.conf"),
    KRB5_KDC_PROFILE: file("kdc.conf"),
    KRB5CCNAME: `FILE:${file("tickets")}`,
  };
  const tool = (name: string): string => findProgram(name) ?? name;
  const quietly = { env, stdio: "ignore" } as const;
  execFileSync(tool("kdb5_util"), ["create", "-s", "-r", "TEST", "-P", "master"], quietly);
  // Tickets that can be renewed need a granting ticket that can.
  execFileSync(tool("kadmin.local"), ["-q", "modprinc -maxrenewlife 7d krbtgt/TEST@TEST"], quietly);
  const kdc = spawn(tool("krb5kdc"), ["-n", "-P", file("pid")], quietly);
  await waitFor("the KDC to listen", async () => {
    const { connect } = await import("node:net");
    return await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.unref();
    });
  });
  return {
    env,
    addPrincipal(name) {
      const keytab = file(`${name.replaceAll("/", "-")}.keytab`);
      execFileSync(tool("kadmin.local"), ["-q", `addprinc -randkey -maxrenewlife 7d ${name}`], quietly);
      execFileSync(tool("kadmin.local"), ["-q", `ktadd -k ${keytab} ${name}`], quietly);
      return keytab;
    },
    async stop() {
      if (kdc.exitCode !== null) return;
      const exited = new Promise((resolve) => kdc.once("exit", resolve));
      kdc.kill();
      await exited;
    },
  };
}
