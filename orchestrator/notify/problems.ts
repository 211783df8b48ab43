import type { ConfigProblem } from "../config-checks.ts";
import type { Config } from "../config-schema.ts";

/** What one field cannot say of who is told. Pure. */
export function notifyProblems({ notify }: Pick<Config, "notify">): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { webhook, mail } = notify;
  if (webhook && !isHttp(webhook.url)) {
    problems.push({ path: "notify.webhook.url", problem: "is not an address; write https://host/path" });
  }
  const addresses = mail ? [["from", mail.from], ...mail.to.map((to, i) => [`to.${String(i)}`, to])] : [];
  for (const [key = "", address = ""] of addresses) {
    // It stands in the head of a mail: nothing in it may begin another address, a comment or a line.
    if (/^[^\s<>()[\]",;:\\\p{C}]+$/u.test(address)) continue;
    problems.push({
      path: `notify.mail.${key}`,
      problem: `${JSON.stringify(address)} is not a mail address; write name@host`,
    });
  }
  return problems;
}

function isHttp(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}
