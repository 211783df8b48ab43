import type { ServiceStatus } from "../services/index.ts";
import { examples, print, withConfig, type Command, type ConfigOptions, type Io } from "./command.ts";
import { formatTable } from "./io.ts";
import { siteOf } from "./site.ts";

/** `gridharvest services up|down|status`: the services that outlive campaigns. */
export const services: Command = {
  name: "services",
  register(program, run) {
    const group = program
      .command("services")
      .description("Start, end or look at the embedded Redis, carbon and graphite-web")
      .addHelpText(
        "after",
        examples("gridharvest services up", "gridharvest services status --json", "gridharvest services down"),
      );

    withConfig(group.command("up").description("Start what does not run; again what has died, with its data"))
      .addHelpText("after", examples("gridharvest services up", "gridharvest services up --config site.yaml"))
      .action((options: ConfigOptions) =>
        run(async (io, signal) => {
          const { atGateway, site, network } = await gatewayOf(options, io);
          await atGateway(network, { act: "services-up", site }, io.log, signal);
          const status = await atGateway(network, { act: "services-status", site }, io.log, signal);
          print(io, { services: status }, () => statusText(status));
          return 0;
        }),
      );

    withConfig(group.command("down").description("End the embedded services; their data stays"))
      .addHelpText("after", examples("gridharvest services down"))
      .action((options: ConfigOptions) =>
        run(async (io, signal) => {
          const { atGateway, site, network } = await gatewayOf(options, io);
          const request = { act: "services-down", stateDir: site.stateDir } as const;
          const stopped = await atGateway(network, request, io.log, signal);
          print(io, { stopped }, () =>
            stopped.length === 0 ? "no services were running\n" : `ended: ${stopped.join(", ")}\n`,
          );
          return 0;
        }),
      );

    withConfig(group.command("status").description("Ask each service whether it works; exit code 1 when one does not"))
      .addHelpText("after", examples("gridharvest services status", "gridharvest services status --json"))
      .action((options: ConfigOptions) =>
        run(async (io, signal) => {
          const { atGateway, site, network } = await gatewayOf(options, io);
          const status = await atGateway(network, { act: "services-status", site }, io.log, signal);
          print(io, { services: status }, () => statusText(status));
          return status.every((service) => service.kind === "none" || service.state === "up") ? 0 : 1;
        }),
      );
  },
};

/** The services run on the gateway host. */
async function gatewayOf(options: ConfigOptions, io: Io) {
  const { atGateway } = await import("../gateway/index.ts");
  const { siteOfGateway } = await import("../campaign-gateway.ts");
  const config = await siteOf(options, io);
  return { atGateway, site: siteOfGateway(config, config), network: config.network };
}

function statusText(status: readonly ServiceStatus[]): string {
  return formatTable(
    [
      { title: "SERVICE" },
      { title: "WHOSE" },
      { title: "STATE" },
      { title: "ADDRESS" },
      { title: "PID", align: "right" },
      { title: "LOG" },
    ],
    status.map((service) => [
      service.title,
      service.kind === "none" ? "not used" : service.kind,
      service.kind === "none" ? "" : service.state,
      service.address ?? "",
      service.pid === undefined ? "" : String(service.pid),
      service.log ?? "",
    ]),
  );
}
