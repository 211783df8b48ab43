import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  createNetwork,
  enterNamespace,
  linkCommand,
  listNamespaces,
  namespaceFile,
  planNetwork,
  readNetwork,
  removeNetwork,
  spacesOf,
} from "../../orchestrator/network/index.ts";
import { creationCommands } from "../../orchestrator/network/namespaces.ts";
import { describeWith } from "../support/ground-rule.ts";
import { jobStatus, localBench, submitJob, untilState } from "../support/batch-jobs.ts";
import { probeFrom, reachability, isOpen, type Place } from "../support/reachability.ts";
import { privateStateDir } from "../support/state-dir.ts";
import { waitFor } from "../support/wait-for.ts";

/** Prefixes of this run: another one on the same machine has others. */
const tag = process.pid.toString(36).slice(-4);
const PORT = 5999;

describeWith(["namespaces"], "a private network of namespaces", () => {
  const dir = privateStateDir("namespaces");
  const recordFile = join(dir, "network.json");
  const plan = planNetwork({ prefix: `t${tag}`, members: ["a", "b"], head: true });
  const [a, b] = plan.members;
  if (!a || !b || !plan.head) throw new Error("the plan lacks members");
  const places: readonly Place[] = [
    { name: "machine", enter: [] },
    ...spacesOf(plan).map(({ name, namespace }) => ({ name, enter: enterNamespace(namespace) })),
  ];
  const placeOf = (name: string): Place =>
    places.find((place) => place.name === name) ?? { name: "", enter: ["false"] };
  const stops: (() => void)[] = [];

  /** A server on every address of each place. Namespaces share the port. */
  async function listen(place: Place): Promise<void> {
    const code = `require("net")
      .createServer((s) => s.on("error", () => {}).end("hello\\n"))
      .listen(${PORT}, "0.0.0.0", () => console.log("up"))`;
    const [program = "", ...args] = [...place.enter, process.execPath, "-e", code, dir];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    stops.push(() => void child.kill("SIGKILL"));
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", (code) => reject(new Error(`the server in ${place.name} ended with ${String(code)}`)));
    });
  }

  const linksOfMachine = (): readonly string[] => {
    const links = execFileSync("ip", ["-json", "link"], { encoding: "utf8" });
    return (JSON.parse(links) as { readonly ifname: string }[]).map(({ ifname }) => ifname);
  };
  let linksBefore: readonly string[] = [];

  beforeAll(async () => {
    linksBefore = linksOfMachine();
    await createNetwork(plan, recordFile);
    for (const place of places.filter(({ name }) => name !== "machine")) await listen(place);
  });
  afterAll(async () => {
    for (const stop of stops) stop();
    await removeNetwork(plan.prefix, recordFile);
    expect(listNamespaces(plan.prefix)).toEqual([]);
    expect(readNetwork(recordFile)).toBeUndefined();
  });

  it("lets members and gateway talk, and nobody in or out but through the gateway", async () => {
    const rows = await reachability(places.filter(({ name }) => name !== "machine"));
    const open = rows.filter(
      ({ port, address, answer }) => port === PORT && !address.startsWith("127.") && isOpen({ answer }),
    );
    const seen = Object.fromEntries(
      places.map(({ name }) => [
        name,
        open
          .filter(({ from }) => from === name)
          .map(({ address }) => address)
          .sort(),
      ]),
    );
    const inner = ["10.77.0.1", "10.77.0.11", "10.77.0.12"];
    const outer = ["10.78.0.1", "10.78.0.10", "10.78.0.2"];
    const batch = ["10.79.0.11", "10.79.0.12", "10.79.0.2"];
    expect(seen).toEqual({
      machine: [],
      gateway: [...inner, "10.78.0.1", "10.78.0.10"],
      head: ["10.78.0.10", "10.78.0.2", ...batch],
      outside: outer,
      a: [...inner, ...batch],
      b: [...inner, ...batch],
    });
    // Where there is no way, nothing is merely slow; gateway and head do not hear each other on the network that both have.
    const others = rows.filter((row) => row.port === PORT && !isOpen(row) && row.answer !== "unreachable");
    expect(others.map(({ from, address, answer }) => `${from} ${address} ${answer}`).sort()).toEqual([
      "gateway 10.78.0.2 silence",
      "head 10.78.0.1 silence",
    ]);
  });

  it("has no leg in the machine's own namespace, and lets nobody reach what listens there", async () => {
    const machine = placeOf("machine");
    // A port of the machine's own, on every address that it has.
    await listen({ name: "machine", enter: [] });
    const addresses = [
      ...new Set((await reachability([machine])).filter(({ port }) => port === PORT).map(({ address }) => address)),
    ];
    expect(addresses).toContain("127.0.0.1");
    for (const place of places.filter(({ name }) => name !== "machine")) {
      const targets = addresses
        .filter((address) => !address.startsWith("127."))
        .map((address) => ({ address, port: PORT }));
      expect(new Set(await probeFrom(place, targets))).not.toContain("plain");
    }
    expect(linksOfMachine()).toEqual(linksBefore);
  });

  it("keeps the networks apart for somebody who adds a route", async () => {
    const cheat = (namespace: string, range: string, via: string, action: "add" | "del"): void => {
      execFileSync("ip", ["-n", namespace, "route", action, range, "via", via]);
    };
    const outer = plan.ranges.outside;
    const attempts: readonly (readonly [by: Place, namespace: string, range: string, via: string, aims: string[]])[] = [
      [placeOf("outside"), plan.outside.namespace, plan.ranges.vlan, "10.78.0.1", ["10.77.0.1", "10.77.0.11"]],
      [placeOf("outside"), plan.outside.namespace, plan.ranges.batch ?? "", "10.78.0.2", ["10.79.0.2", "10.79.0.11"]],
      [placeOf("a"), a.namespace, outer, "10.77.0.1", ["10.78.0.1", "10.78.0.10"]],
      [placeOf("a"), a.namespace, outer, "10.79.0.2", ["10.78.0.2", "10.78.0.10"]],
      [placeOf("head"), plan.head?.namespace ?? "", plan.ranges.vlan, "10.79.0.11", ["10.77.0.11", "10.77.0.1"]],
    ];
    for (const [by, namespace, range, via, aims] of attempts) {
      cheat(namespace, range, via, "add");
      try {
        const answers = await probeFrom(
          by,
          aims.map((address) => ({ address, port: PORT })),
        );
        expect([by.name, via, ...answers]).toEqual([by.name, via, "silence", "silence"]);
      } finally {
        cheat(namespace, range, via, "del");
      }
    }
  });

  it("cuts a member's cable, and mends it", async () => {
    const fromB = (): Promise<readonly string[]> => probeFrom(placeOf("b"), [{ address: "10.77.0.11", port: PORT }]);
    const [program, ...down] = linkCommand(plan, a, "vlan", "down");
    execFileSync(program, down);
    expect(["silence", "unreachable"]).toContain((await fromB())[0]);
    execFileSync(program, linkCommand(plan, a, "vlan", "up").slice(1));
    await waitFor("the member to answer again", async () => (await fromB())[0] === "plain");
  });

  it("has no IPv6 and forwards nothing", () => {
    for (const { namespace } of spacesOf(plan)) {
      const sh = (text: string): string => {
        const [program, ...args] = [...enterNamespace(namespace), "sh", "-c", text];
        return execFileSync(program, args, { encoding: "utf8" }).trim();
      };
      expect(sh("ip -6 address")).toBe("");
      expect(sh("cat /proc/sys/net/ipv4/ip_forward")).toBe("0");
      expect(sh("ip route show default")).toBe("");
    }
  });

  it("is left alone when it is asked for again", async () => {
    const inode = (): string => execFileSync("stat", ["-Lc", "%i", namespaceFile(plan.hub)], { encoding: "utf8" });
    const before = inode();
    await createNetwork(plan, recordFile);
    expect(inode()).toBe(before);
    expect(readNetwork(recordFile)).toEqual(plan);
  });

  it("runs the embedded batch system's jobs on its members", async () => {
    const nodes = plan.members.map(({ addresses }) => addresses.vlan ?? "");
    const enter = Object.fromEntries(
      plan.members.map(({ addresses, namespace }) => [addresses.vlan ?? "", enterNamespace(namespace)]),
    );
    const bench = await localBench(join(dir, "batch"), { nodes, slotsPerNode: 1, enter });
    const ids = [
      await submitJob(bench, "one", "ip -brief address show vlan; sleep 1000"),
      await submitJob(bench, "two", "ip -brief address show vlan"),
    ];
    await untilState(bench, ids[1] ?? "", "finished");
    const hosts = await Promise.all(ids.map(async (id) => (await jobStatus(bench, id))?.hosts));
    const said = ["one", "two"].map(
      (name) => /10\.77\.0\.\d+/.exec(readFileSync(join(bench.dir, `${name}.out`), "utf8"))?.[0],
    );
    expect(hosts).toEqual(nodes.map((node) => [node]));
    expect(said).toEqual(nodes);
    await bench.system.cancel(ids[0] ?? "", new AbortController().signal);
    await untilState(bench, ids[0] ?? "", "finished");
  });
});

describeWith(["namespaces"], "removing a private network", () => {
  const dir = privateStateDir("namespaces-half");
  const plan = planNetwork({ prefix: `h${tag}`, members: ["a"], head: true });
  afterAll(() => removeNetwork(plan.prefix));

  it("works from the prefix alone from every half-built state, any number of times", async () => {
    const commands = creationCommands(plan);
    for (let built = 0; built <= commands.length; built += 5) {
      for (const [program, ...args] of commands.slice(0, built)) execFileSync(program, args);
      await removeNetwork(plan.prefix);
      expect(listNamespaces(plan.prefix)).toEqual([]);
      await removeNetwork(plan.prefix);
    }
  });

  it("leaves another prefix alone that begins alike", async () => {
    const other = planNetwork({ prefix: `${plan.prefix}x`, members: [] });
    try {
      await createNetwork(other, join(dir, "other.json"));
      await removeNetwork(plan.prefix);
      expect(listNamespaces(other.prefix)).toHaveLength(3);
    } finally {
      await removeNetwork(other.prefix);
    }
  });

  it("a half-built one is built anew, whatever its record says", async () => {
    const file = join(dir, "network.json");
    for (const [program, ...args] of creationCommands(plan).slice(0, 7)) execFileSync(program, args);
    writeFileSync(file, '{"state": "buil');
    await createNetwork(plan, file);
    expect(
      await probeFrom({ name: "a", enter: enterNamespace(`${plan.prefix}-a`) }, [{ address: "10.77.0.1", port: 9 }]),
    ).toEqual(["refused"]);
    await removeNetwork(plan.prefix, file);
  });
});
