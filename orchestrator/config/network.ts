import { z } from "zod";

export const network = z
  .strictObject({
    provider: z
      .enum(["loopback", "namespaces", "site"])
      .default("loopback")
      .describe(
        "How nodes reach each other and the gateway: `loopback` addresses of this machine, network `namespaces` of this machine, or the private network of the `site`. With the last two the orchestrator reaches everything through the proxy.",
      ),
    gatewayAddress: z.string().default("127.0.0.1").describe("Address of the gateway host on the nodes' network."),
    outsideAddress: z
      .string()
      .optional()
      .describe("Address at which orchestrator and operators reach the proxy; network.gatewayAddress when absent."),
    range: z
      .string()
      .optional()
      .describe(
        "CIDR of the nodes' network, e.g. 10.20.0.0/16: a node is certified for its one address in it. When absent, the address that the name of its execution host resolves to.",
      ),
    gateway: z
      .strictObject({
        placement: z
          .enum(["local", "namespace", "command"])
          .default("local")
          .describe(
            "Where proxy, master and embedded services are started: on this machine, in a network namespace of it (network.namespaces.gateway), or through network.gateway.command.",
          ),
        command: z
          .array(z.string())
          .default([])
          .describe(
            'Words before every command for the gateway host, e.g. ["ssh", "gw"]. The host must see the same files at the same paths.',
          ),
      })
      .prefault({})
      .describe("Where the gateway's programs run."),
    namespaces: z
      .strictObject({
        gateway: z.string().optional().describe("Network namespace (of `ip netns`) of the gateway's programs."),
      })
      .prefault({})
      .describe("Network namespaces of this machine."),
  })
  .prefault({})
  .describe("The nodes' private network.");
