import { GridError } from "../worker/contract/errors.ts";
import { programsOf, type CampaignContext } from "./context.ts";
import type { NodeInputs } from "./node-specs.ts";

/** @throws GridError `GATEWAY_DOWN` before the gateway's ports are chosen */
export function nodeInputsOf(ctx: CampaignContext): NodeInputs {
  if (!ctx.gateway) throw new GridError("GATEWAY_DOWN", "the gateway of this campaign is not up", { retryable: true });
  return {
    campaign: ctx.record.id,
    config: ctx.config,
    paths: ctx.nodeFiles.paths,
    state: ctx.state,
    programs: programsOf(ctx),
    gateway: { redis: ctx.gateway.redis, carbon: ctx.gateway.carbon, transport: ctx.gateway.transport },
    asRoot: process.getuid?.() === 0,
  };
}
