import { join } from "node:path";
import type { Argv } from "../pbs/batch-system.ts";
import { renderJobScript } from "../pbs/job-script.ts";
import type { NodeRole } from "../worker/contract/keys.ts";
import type { NodeSpec } from "../worker/contract/node.ts";
import { withBatchAccess } from "./batch-access.ts";
import { dialectOf } from "./batch-system.ts";
import type { SiteConfig } from "./launch.ts";
import { createLog } from "./log.ts";
import { jobDirOf, jobNameOf, jobSpecOf, nodeSpecOf } from "./node-specs.ts";
import { campaignPaths, statePaths } from "./paths.ts";
import { elasticsearchSource, runtimeHome } from "./runtimes/elasticsearch.ts";
import { ensureBundles, findJava, nodeBinary, stagedPrograms } from "./runtimes/index.ts";

/** The campaign of a preview; ports that a gateway would choose are 0. */
const PREVIEW = "preview";

/** A node as it would be submitted. */
export interface RenderedNode {
  readonly script: string;
  /** The command that submits the script. */
  readonly submit: Argv;
  readonly node: NodeSpec;
}

/**
 * What a node of the role would be submitted with. Starts nothing, and writes nothing but, in a checkout, stale bundles; `batch.system: auto`
 * asks which one it is.
 */
export async function renderNode(site: SiteConfig, role: NodeRole, signal: AbortSignal): Promise<RenderedNode> {
  const state = statePaths(site.stateDir);
  const paths = campaignPaths(state.campaigns, PREVIEW);
  const jobName = jobNameOf(PREVIEW.slice(0, 5), role, 1);
  const { agent, parser } = stagedPrograms(await ensureBundles(createLog({ level: "error" })), state.runtimes);
  const host = site.network.gatewayAddress;
  const elasticsearchHome = runtimeHome(elasticsearchSource(site), state.runtimes);
  const programs = {
    node: nodeBinary(),
    agent,
    parser,
    elasticsearchHome,
    javaHome: (await findJava(site, join(elasticsearchHome, "jdk"))).home,
  };
  const node = nodeSpecOf(
    {
      campaign: PREVIEW,
      config: site,
      paths,
      state,
      programs,
      gateway: { redis: { host, port: 0 }, carbon: { host, port: 0 }, transport: `${host}:0` },
      asRoot: process.getuid?.() === 0,
    },
    role,
    jobName,
  );
  const spec = jobSpecOf({ config: site, paths }, role, jobName);
  const silent = { warn: () => undefined };
  const dialect = await withBatchAccess(site, silent, ({ runner }) => dialectOf(site, signal, runner));
  const script = renderJobScript({
    spec,
    dialect,
    node: programs.node,
    agentBundle: programs.agent,
    jobDir: jobDirOf(paths, jobName),
  });
  return { script, submit: dialect.submitArgv(spec), node };
}
