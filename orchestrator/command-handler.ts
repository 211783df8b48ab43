import { describeError } from "../worker/contract/errors.ts";
import { budgetOf, budgetText } from "./budget.ts";
import { teardownEvent, type CampaignState } from "./campaign.ts";
import { receiveCommands, replyTo, type Command, type CommandReply } from "./commands.ts";
import { decide, move, type CampaignContext } from "./context.ts";
import { replayRejects } from "./replay/replay-rejects.ts";
import { keepWindow, limitsOf, limitsText, setLimits } from "./limits.ts";
import { servingUntil } from "./serving/service.ts";
import { isLoadSettled, openReload } from "./view.ts";

/**
 * Carries out what the command line asked for. A command's id goes to the journal after it was carried out, so one that a
 * crash cut short is carried out again; all of them are repeatable.
 */
export async function handleCommands(ctx: CampaignContext): Promise<void> {
  for (const { id, command } of await receiveCommands(ctx.redis, ctx.keys, ctx.view.lastCommand)) {
    let reply: CommandReply;
    try {
      reply = await carryOut(ctx, command);
    } catch (error) {
      reply = { ok: false, text: describeError(error) };
    }
    await decide(ctx, { type: "command", id, command: command.kind, args: command });
    await replyTo(ctx.redis, ctx.keys, id, reply);
    ctx.log.info(`command ${command.kind}`, { reply: reply.text });
  }
}

const SCALABLE: ReadonlySet<CampaignState> = new Set(["booting", "running", "paused"]);

async function carryOut(ctx: CampaignContext, command: Command): Promise<CommandReply> {
  const { view } = ctx;
  const id = ctx.record.id;
  const refused = (remedy: string): CommandReply => ({
    ok: false,
    text: `cannot ${command.kind} campaign ${id} while it is ${view.state}; ${remedy}`,
  });
  switch (command.kind) {
    case "pause":
      if (view.state === "paused") return { ok: true, text: "it is paused, and stays so until it is resumed" };
      if (!(await move(ctx, "pause"))) return refused("only a running campaign can be paused");
      await ctx.spool.close();
      return { ok: true, text: "paused: parsers finish the chunks that they have and take no new ones" };
    case "resume": {
      if (view.state === "running") return { ok: true, text: "it is running" };
      if (view.state === "held" && view.loadIsOver) {
        return refused(`its parsers are gone; \`gridharvest verify ${id}\` checks again`);
      }
      if (ctx.record.serves) return refused(`it loads nothing; \`gridharvest verify ${id}\` restores and checks again`);
      if (!(await move(ctx, "resume"))) return refused("only a paused or held campaign can be resumed");
      const again = await ctx.spool.retryFailed();
      if (await keepWindow(ctx)) {
        const { window } = limitsOf(ctx.config, view);
        const text = `it goes on in its window, ${window ?? ""}; \`gridharvest limit ${id} --window none\` lets it go on now`;
        return { ok: true, text };
      }
      // After a loss it is opened when what was lost waits in it again.
      if (!openReload(view)) await ctx.spool.open();
      return { ok: true, text: again > 0 ? `running; ${String(again)} failed chunks are tried again` : "running" };
    }
    case "cancel":
      if (!(await move(ctx, "cancel", "cancelled by the operator"))) return refused("it is ending already");
      return { ok: true, text: "cancelled; the cluster is being torn down" };
    case "teardown": {
      const event = teardownEvent(view.state);
      if (event === undefined || !(await move(ctx, event, "torn down by the operator"))) {
        return { ok: true, text: "it is being torn down" };
      }
      return { ok: true, text: "the cluster is being torn down" };
    }
    case "verify":
      if (!(await move(ctx, ctx.record.serves ? "restore" : "retry", "checked again by the operator")))
        return refused("there is nothing to check again");
      return { ok: true, text: "it is being checked again" };
    case "repair":
      if (view.state === "serving" || (view.state === "held" && (ctx.record.serves || isLoadSettled(view)))) {
        return { ok: true, text: "written down; documents may be mended" };
      }
      return refused("documents are mended while it serves, or is held after its load");
    case "repaired": {
      const { created, replaced, deleted, left } = command;
      const text = `documents were mended by the operator: ${String(created)} created, ${String(replaced)} replaced, ${String(deleted)} deleted${left > 0 ? `; in ${String(left)} places they still differ` : ""}`;
      await decide(ctx, { type: "warning", text });
      return { ok: true, text };
    }
    case "replay":
      return await replayRejects(ctx, command);
    case "budget":
      await decide(ctx, { type: "budget", nodeHours: command.nodeHours });
      return { ok: true, text: budgetText(budgetOf(ctx.config, view, Date.now())) };
    case "limit": {
      if (view.loadIsOver || ctx.record.serves) return refused("only what loads has limits");
      const { kind: _, ...change } = command;
      const known = Object.entries(change).filter(([, value]) => value !== undefined);
      return { ok: true, text: limitsText(await setLimits(ctx, Object.fromEntries(known))) };
    }
    case "extend": {
      const until = new Date(command.until).toISOString();
      if (command.until <= Date.now()) return refused(`${until} is over; end it with \`gridharvest teardown ${id}\``);
      if (servingUntil(ctx.record, view) === undefined) return refused("only what serves has an end to move");
      await decide(ctx, { type: "serve-until", until: command.until });
      return { ok: true, text: `serves until ${until}` };
    }
    case "scale": {
      const serving = view.state === "serving" || view.state === "restoring";
      // Of a held one too: a queue that refuses so many may be why.
      const loads = view.state === "held" ? !view.loadIsOver : SCALABLE.has(view.state);
      if (!loads && !serving) {
        return refused("nodes can be changed from its boot until the load is done, and while it serves");
      }
      if (command.parsers !== undefined && (serving || ctx.record.serves)) {
        return refused("what serves has no parsers; --data-nodes N changes the data nodes");
      }
      const dataNodesNow = view.targets.dataNodes;
      const dataNodes = command.dataNodes ?? dataNodesNow;
      const { replicas } = ctx.config.dataNodes;
      if (!serving && dataNodes <= replicas) {
        return {
          ok: false,
          text: `dataNodes.replicas is ${String(replicas)}: copies need ${String(replicas + 1)} data nodes or more`,
        };
      }
      const parsers = command.parsers ?? view.targets.parsers;
      await decide(ctx, { type: "target", dataNodes, parsers, reason: "asked for by the operator" });
      const fewer = view.state === "booting" || dataNodes >= dataNodesNow ? "" : "; data nodes go when they are empty";
      return { ok: true, text: `${String(dataNodes)} data nodes and ${String(parsers)} parsers${fewer}` };
    }
  }
}
