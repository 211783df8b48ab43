import type { SlurmBed } from "./bed.ts";

/**
 * What a configuration file says of a bed: its batch system behind the frontend, its private network, the gateway in a namespace of its
 * own. Whoever uses it stands in the outside namespace, as the bed's network has it.
 * @param javaHome a Java with which Elasticsearch runs on the bed's nodes: see `bedJavaHome`
 */
export function bedSettings(bed: SlurmBed, javaHome: string) {
  const { network, ssh } = bed;
  return {
    batch: {
      system: "slurm",
      poll: "1s",
      access: {
        kind: "ssh",
        host: ssh.host,
        port: ssh.port,
        user: ssh.user,
        identityFile: ssh.identityFile,
        hostKey: ssh.hostKey,
      },
    },
    network: {
      provider: "namespaces",
      gatewayAddress: network.gateway.addresses.vlan,
      outsideAddress: network.gateway.addresses.outside,
      range: network.ranges.vlan,
      gateway: { placement: "namespace" },
      namespaces: { gateway: network.gateway.namespace },
    },
    elasticsearch: { javaHome },
  };
}
