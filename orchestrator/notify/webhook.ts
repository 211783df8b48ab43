import { readFile } from "node:fs/promises";
import { describeError } from "../../worker/contract/errors.ts";
import { DELIVERED, undelivered, type Delivery, type Notification } from "./notification.ts";

export interface Webhook {
  readonly url: string;
  /** A line `Name: value` for each header; what is secret stands here and nowhere else. */
  readonly headersFile?: string | undefined;
}

/** Answers that say "later" though they are below 500. @source RFC 9110, RFC 6585 */
const LATER = [408, 425, 429];
/** A token. @source RFC 9110 section 5.6.2 */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Posts the news as JSON. Redirects are not followed: the headers are for that one address. */
export async function postWebhook(hook: Webhook, news: Notification, signal: AbortSignal): Promise<Delivery> {
  let headers: Record<string, string> = {};
  if (hook.headersFile !== undefined) {
    const read = await readHeaders(hook.headersFile);
    if (typeof read === "string") return undelivered(read, false);
    headers = read;
  }
  try {
    const response = await fetch(hook.url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "gridharvest", ...headers },
      body: JSON.stringify(news),
      redirect: "manual",
      signal,
    });
    await response.body?.cancel();
    if (response.ok) return DELIVERED;
    const again = response.status >= 500 || LATER.includes(response.status);
    return undelivered(`it answered ${String(response.status)}`, again);
  } catch (error) {
    return undelivered(describeError(error), true);
  }
}

/** The headers by name, or what is wrong with the file. Never shows a value. */
export async function readHeaders(file: string): Promise<Record<string, string> | string> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    return `notify.webhook.headersFile cannot be read: ${describeError(error)}`;
  }
  const headers: Record<string, string> = {};
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).trim();
    if (!NAME.test(name) || !/^[\t\x20-\x7e]+$/.test(value)) {
      return `line ${String(i + 1)} of ${file} is no header; write Name: value`;
    }
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
