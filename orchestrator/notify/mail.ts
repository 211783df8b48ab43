import { localCommandRunner } from "../../pbs/command.ts";
import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import { findProgram } from "../runtimes/run-tool.ts";
import { DELIVERED, undelivered, type Delivery, type Notification } from "./notification.ts";

export interface Mail {
  readonly to: readonly string[];
  readonly from: string;
  /** A program that takes a message on its input as sendmail(8) does: Postfix's, Exim's, msmtp's. */
  readonly sendmail?: string | undefined;
}

/** Hands the news to the mail system; what that does with it later is its own affair. */
export async function sendMail(
  mail: Mail,
  news: Notification,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<Delivery> {
  // Recipients stand in the message (-t): none of them can be taken for an option. A lone dot does not end it (-oi).
  const program = mail.sendmail ?? findProgram("sendmail") ?? "sendmail";
  const argv = [program, "-oi", "-t"] as const;
  try {
    const { code, stderr } = await localCommandRunner().run(argv, {
      timeoutSeconds,
      signal,
      stdin: mailText(mail, news),
    });
    if (code === 0) return DELIVERED;
    return undelivered(`${program} ended with ${String(code)}: ${stderr.trim().slice(-200) || "nothing"}`, true);
  } catch (error) {
    const missing = error instanceof BackfillError && error.code === "COMMAND_MISSING";
    return undelivered(missing ? `${program} cannot be run` : describeError(error), !missing);
  }
}

/**
 * The message. Nothing from the outside stands in its head but the configured addresses and the campaign's name, neither of which can hold a
 * line end. @source RFC 5322, RFC 2045
 */
export function mailText(mail: Mail, news: Notification): string {
  const { id, campaign, from, to, reason, at, links } = news;
  const body = [
    `Campaign ${campaign} is now ${to} (before: ${from}), since ${at}.`,
    ...(reason === undefined ? [] : ["", reason]),
    "",
    `Look at it:  gridharvest status ${campaign}`,
    `Why so:      gridharvest why ${campaign}`,
    ...(links.dashboard === undefined ? [] : [`Dashboard:   ${links.dashboard}`]),
    `Report:      ${links.report}`,
    `Log:         ${links.log}`,
    "",
  ].join("\n");
  const head = [
    `From: ${mail.from}`,
    `To: ${mail.to.join(", ")}`,
    `Subject: gridharvest: ${campaign} is ${to}`,
    `Date: ${new Date(at).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${id.replace("/", ".")}.${String(Date.parse(at))}@gridharvest>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    // A reason may be one long line in any language, which mail systems would break.
    "Content-Transfer-Encoding: base64",
  ];
  const encoded = Buffer.from(body).toString("base64").replaceAll(/.{76}/g, "$&\n");
  return `${head.join("\n")}\n\n${encoded}\n`;
}
