import { describe, expect, it } from "vitest";
import { describeReach, parseAddresses, parseListeners, type Reach } from "../../support/reachability.ts";

describe("what listens in a place", () => {
  it("is read from ss", () => {
    // Captured from iproute2 6.1: ss -Hltnp
    const text = [
      'LISTEN 0      4096       10.77.0.2:6817      0.0.0.0:*    users:(("slurmctld",pid=25405,fd=8))',
      'LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=99,fd=3))',
      'LISTEN 0      511                *:2024            *:*    users:(("process_api",pid=1,fd=9),("x",pid=2,fd=9))',
      "LISTEN 0      128             [::]:22           [::]:*",
      'LISTEN 0      4096   127.0.0.53%lo:53        0.0.0.0:*    users:(("resolved",pid=7,fd=14))',
      "",
    ].join("\n");
    expect(parseListeners(text)).toEqual([
      { address: "10.77.0.2", port: 6817, program: "slurmctld" },
      { address: "0.0.0.0", port: 22, program: "sshd" },
      { address: "*", port: 2024, program: "process_api" },
      { address: "::", port: 22, program: "?" },
      { address: "127.0.0.53", port: 53, program: "resolved" },
    ]);
  });

  it("listens on the addresses that the links have", () => {
    const json = JSON.stringify([
      { ifname: "lo", addr_info: [{ local: "127.0.0.1", scope: "host" }] },
      {
        ifname: "vlan",
        addr_info: [
          { local: "10.77.0.2", scope: "global" },
          { local: "fe80::1", scope: "link" },
        ],
      },
      { ifname: "down" },
      {},
    ]);
    expect(parseAddresses(json)).toEqual(["127.0.0.1", "10.77.0.2"]);
  });
});

describe("the table of who reaches whom", () => {
  const row = (from: string, place: string, program: string, answer: Reach["answer"]): Reach => ({
    from,
    place,
    program,
    answer,
    address: "10.77.0.1",
    port: 1,
  });

  it("has a row for each kind of way in, and none for what is closed or at home", () => {
    const rows = [
      row("dn1", "dn2", "java", "TLS"),
      row("dn2", "dn1", "java", "TLS"),
      row("dn1", "dn1", "java", "TLS"),
      row("dn1", "gateway", "haproxy", "TLS with a client certificate"),
      row("outside", "dn1", "java", "unreachable"),
      row("outside", "head", "sshd", "plain"),
    ];
    expect(describeReach(rows, (place) => (place.startsWith("dn") ? "member" : place))).toEqual([
      "| from | to | what listens | what it wants |",
      "|---|---|---|---|",
      "| member | gateway | haproxy | TLS with a client certificate |",
      "| member | member | java | TLS |",
      "| outside | head | sshd | plain |",
    ]);
  });
});
