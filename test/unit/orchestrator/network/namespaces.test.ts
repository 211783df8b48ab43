import { describe, expect, it } from "vitest";
import { planNetwork } from "../../../../orchestrator/network/index.ts";
import { creationCommands, removalCommands } from "../../../../orchestrator/network/namespaces.ts";

describe("the commands of a private network", () => {
  const commands = creationCommands(planNetwork({ prefix: "t", members: ["a"] })).map((argv) =>
    argv.map((word) => (word.includes("\n") ? "SET-UP" : word)).join(" "),
  );

  it("make the namespaces, set each up, then bridges, legs, and walls", () => {
    expect(commands).toEqual([
      "ip netns add t-hub",
      "ip netns add t-gw",
      "ip netns add t-out",
      "ip netns add t-a",
      "nsenter --net=/run/netns/t-hub -- sh -c SET-UP",
      "nsenter --net=/run/netns/t-gw -- sh -c SET-UP",
      "nsenter --net=/run/netns/t-out -- sh -c SET-UP",
      "nsenter --net=/run/netns/t-a -- sh -c SET-UP",
      "ip -n t-hub link add vlan type bridge",
      "ip -n t-hub link set vlan up",
      "ip -n t-hub link add outside type bridge",
      "ip -n t-hub link set outside up",
      "ip -n t-hub link add v-gateway type veth peer name vlan netns t-gw",
      "ip -n t-hub link set v-gateway master vlan up",
      "ip -n t-gw address add 10.77.0.1/24 dev vlan",
      "ip -n t-gw link set vlan up",
      "ip -n t-hub link add o-gateway type veth peer name outside netns t-gw",
      "ip -n t-hub link set o-gateway master outside up",
      "ip -n t-gw address add 10.78.0.1/24 dev outside",
      "ip -n t-gw link set outside up",
      "ip -n t-hub link add o-outside type veth peer name outside netns t-out",
      "ip -n t-hub link set o-outside master outside up",
      "ip -n t-out address add 10.78.0.10/24 dev outside",
      "ip -n t-out link set outside up",
      "ip -n t-hub link add v-a type veth peer name vlan netns t-a",
      "ip -n t-hub link set v-a master vlan up",
      "ip -n t-a address add 10.77.0.11/24 dev vlan",
      "ip -n t-a link set vlan up",
      "ip -n t-gw rule add pref 10 iif vlan to 10.78.0.0/24 blackhole",
      "ip -n t-gw rule add pref 10 iif outside to 10.77.0.0/24 blackhole",
      "ip -n t-gw rule add pref 20 lookup local",
      "ip -n t-gw rule del pref 0",
    ]);
  });

  it("give a head a network of its own with the members, and keep it apart from the gateway outside", () => {
    const lines = creationCommands(planNetwork({ prefix: "t", members: ["a"], head: true })).map((argv) =>
      argv.join(" "),
    );
    expect(lines.filter((line) => /batch|isolated/.test(line))).toEqual([
      "ip -n t-hub link add batch type bridge",
      "ip -n t-hub link set batch up",
      "ip -n t-hub link add b-head type veth peer name batch netns t-head",
      "ip -n t-hub link set b-head master batch up",
      "ip -n t-head address add 10.79.0.2/24 dev batch",
      "ip -n t-head link set batch up",
      "ip -n t-hub link add b-a type veth peer name batch netns t-a",
      "ip -n t-hub link set b-a master batch up",
      "ip -n t-a address add 10.79.0.11/24 dev batch",
      "ip -n t-a link set batch up",
      "ip -n t-head rule add pref 10 iif batch to 10.78.0.0/24 blackhole",
      "ip -n t-a rule add pref 10 iif batch to 10.77.0.0/24 blackhole",
      "ip -n t-hub link set o-gateway type bridge_slave isolated on",
      "ip -n t-hub link set o-head type bridge_slave isolated on",
    ]);
  });

  it("never make a link or a route in the machine's own namespace", () => {
    expect(commands.filter((line) => !/^(ip netns add|ip -n t-|nsenter --net=)/.test(line))).toEqual([]);
    expect(commands.filter((line) => line.includes("route"))).toEqual([]);
  });

  it("give links names of at most 15 characters", () => {
    const plan = planNetwork({ prefix: "ninechars", members: ["eightlet"], head: true });
    const names = creationCommands(plan).flatMap((argv) =>
      argv.flatMap((word, at) => (argv[at - 1] === "add" || argv[at - 1] === "name" ? [word] : [])),
    );
    expect(names.filter((name) => !name.includes("/") && name.length > 15 + "ninechars-".length)).toEqual([]);
    expect(names.filter((name) => /^[vob]-/.test(name) && name.length > 15)).toEqual([]);
  });

  it("remove the hub first, and with it every link", () => {
    expect(removalCommands(["t-a", "t-gw", "t-hub"]).map((argv) => argv.join(" "))).toEqual([
      "ip netns delete t-hub",
      "ip netns delete t-a",
      "ip netns delete t-gw",
    ]);
  });
});
