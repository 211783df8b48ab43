import { ConfigError } from "../../worker/contract/errors.ts";
import {
  examples,
  print,
  withConfig,
  type Command,
  type ConfigOptions,
  type ExitCode,
  type Io,
  type Parts,
} from "./command.ts";
import { formatCount } from "./io.ts";
import { siteOf } from "./site.ts";

interface VerifyFlags extends ConfigOptions {
  readonly deep?: true;
  readonly repair?: true;
  readonly files?: readonly string[];
  readonly chunk?: readonly string[];
}

const DETAILS = `
Counts are compared by index, file and chunk. --deep reads the archive again, on this machine, and compares every field of every document with
what the campaign's own rules make of its line; a chunk whose bytes are not those that were loaded is named as a changed archive. --repair
creates what is missing, replaces what was altered and deletes what no line makes, in exactly these chunks, then compares them again; the
campaign must serve, or be held after its load, and its journal says what was done.
`;

/** `gridharvest verify ID`: ledger against Elasticsearch, down to the chunk; with --deep documents against the archive. */
export const verify: Command = {
  name: "verify",
  register(program, run) {
    withConfig(
      program
        .command("verify <id>")
        .description(
          "Compare the ledger with what stands in the cluster; check a held campaign again, go on with it, and watch",
        ),
    )
      .option("--deep", "compare every document with what the archive makes of its line")
      .option("--repair", "with --deep: mend the documents that differ")
      .option(
        "--files <glob>",
        "with --deep: only files of the archive that this pattern matches; may be repeated",
        collect,
      )
      .option("--chunk <id>", "with --deep: only this chunk; may be repeated", collect)
      .addHelpText(
        "after",
        DETAILS +
          examples(
            "gridharvest verify 2013-01-k3f9a",
            "gridharvest verify 2013-01-k3f9a --json",
            "gridharvest verify 2013-01-k3f9a --deep --files 'hosts/2013/01/10.0.0.*/auth'",
            "gridharvest verify 2013-01-k3f9a --deep --repair",
          ),
      )
      .action((id: string, flags: VerifyFlags) =>
        run(async (io, signal, parts) => {
          if (flags.deep) return await deeply(id, flags, io, signal, parts);
          const [needless] = (["repair", "files", "chunk"] as const).filter((name) => flags[name] !== undefined);
          if (needless) throw new ConfigError("USAGE", `--${needless} goes with --deep; add it`);
          return await bySums(id, flags, io, signal);
        }),
      );
  },
};

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

/** Of a held campaign its orchestrator does it, and goes on. */
async function bySums(id: string, flags: VerifyFlags, io: Io, signal: AbortSignal): Promise<ExitCode> {
  const site = await siteOf(flags, io);
  const { campaignStatus } = await import("../status.ts");
  if ((await campaignStatus(site.stateDir, id)).state === "held") {
    const { tellOrchestrator } = await import("../tell.ts");
    const reply = await tellOrchestrator(site, id, { kind: "verify" }, signal);
    if (!io.json) io.stdout.write(`${reply.text}\n`);
    const { watchToTheEnd } = await import("../watch.ts");
    const { status, exitCode } = await watchToTheEnd(site.stateDir, id, io, signal);
    if (io.json) print(io, { ...status, verified: exitCode !== 1 }, () => "");
    return exitCode;
  }
  const { verifyCampaign } = await import("../verify.ts");
  const result = await verifyCampaign(site, id);
  print(io, { id, ...result, verified: result.differences.length === 0 }, () =>
    result.differences.length === 0
      ? `${formatCount(result.documents)} documents, as the ledger says\n`
      : `the ledger and the cluster differ:\n${result.differences.map((text) => `  ${text}\n`).join("")}`,
  );
  return result.differences.length === 0 ? 0 : 1;
}

async function deeply(id: string, flags: VerifyFlags, io: Io, signal: AbortSignal, parts: Parts): Promise<ExitCode> {
  const site = await siteOf(flags, io);
  const { verifyDeep } = await import("../verify-deep.ts");
  const { files = [], chunk: chunks = [] } = flags;
  const options = {
    wanted: { files, chunks },
    repair: flags.repair === true,
    recompute: (rules: Parameters<Parts["recompute"]>[0]) => parts.recompute(rules),
  };
  const result = await verifyDeep(site, id, options, signal);
  const { isVerified, deepText } = await import("../proof/deep-text.ts");
  const verified = isVerified(result);
  print(io, { id, ...result, verified }, () => deepText(result));
  return verified ? 0 : 1;
}
