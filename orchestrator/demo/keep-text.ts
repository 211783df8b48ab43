import type { CampaignStatus } from "../status.ts";
import { servingText } from "../watch.ts";
import type { Run } from "./run.ts";

/** How to look at what `--keep` left up, and how to end it. */
export async function keepText({ line, id }: Run, status: CampaignStatus, signal: AbortSignal): Promise<string> {
  const out = ["", `It is all still up, ${servingText(status)}.`, ""];
  const access = status.elasticsearch;
  if (access) {
    out.push(
      "Search it:",
      `  curl -K '${access.curlConfig}' '${access.url}/logs-*/_search?q=ssh.event:AUTHN&size=3&pretty'`,
      "",
    );
  }
  const answer = await line.call(["dashboard", id], signal);
  const dashboards = answer.code === 0 ? addressesIn(answer.stdout) : [];
  if (dashboards.length > 0) out.push("Look at its metrics:", ...dashboards.map((url) => `  ${url}`), "");
  out.push(
    "Ask it:",
    `  ${line.say("status", id)}`,
    `  ${line.say("verify", id)}`,
    "",
    "End it:",
    `  ${line.say("teardown", id)}`,
    `  ${line.say("services", "down")}`,
    "",
  );
  return out.join("\n");
}

function addressesIn(stdout: string): readonly string[] {
  const { dashboards = [] } = JSON.parse(stdout) as { dashboards?: readonly { url: string }[] };
  return dashboards.map(({ url }) => url);
}
