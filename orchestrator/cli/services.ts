import type { ServiceStatus } from "../services/index.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
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
          const { ensureServices, servicesStatus } = await import("../services/index.ts");
          const { statePaths } = await import("../paths.ts");
          const config = await siteOf(options, io);
          const paths = statePaths(config.stateDir);
          await ensureServices(config, paths, io.log, signal);
          const status = await servicesStatus(config, paths);
          print(io, { services: status }, () => statusText(status));
          return 0;
        }),
      );

    withConfig(group.command("down").description("End the embedded services; their data stays"))
      .addHelpText("after", examples("gridharvest services down"))
      .action((options: ConfigOptions) =>
        run(async (io) => {
          const { stopServices } = await import("../services/index.ts");
          const { statePaths } = await import("../paths.ts");
          const config = await siteOf(options, io);
          const stopped = await stopServices(statePaths(config.stateDir), io.log);
          print(io, { stopped }, () =>
            stopped.length === 0 ? "no services were running\n" : `ended: ${stopped.join(", ")}\n`,
          );
          return 0;
        }),
      );

    withConfig(group.command("status").description("Ask each service whether it works; exit code 1 when one does not"))
      .addHelpText("after", examples("gridharvest services status", "gridharvest services status --json"))
      .action((options: ConfigOptions) =>
        run(async (io) => {
          const { servicesStatus } = await import("../services/index.ts");
          const { statePaths } = await import("../paths.ts");
          const config = await siteOf(options, io);
          const status = await servicesStatus(config, statePaths(config.stateDir));
          print(io, { services: status }, () => statusText(status));
          return status.every((service) => service.kind === "none" || service.state === "up") ? 0 : 1;
        }),
      );
  },
};

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
