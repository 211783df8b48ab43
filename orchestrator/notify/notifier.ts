import { setTimeout as sleep } from "node:timers/promises";
import { describeError } from "../../worker/contract/errors.ts";
import type { Config } from "../config-schema.ts";
import type { JournalEntry, JournalRecord } from "../journal.ts";
import type { Log } from "../log.ts";
import type { CampaignView } from "../view.ts";
import { sendMail } from "./mail.ts";
import {
  notificationOf,
  pendingTransitions,
  undelivered,
  type Delivery,
  type Links,
  type Notification,
} from "./notification.ts";
import { postWebhook } from "./webhook.ts";

/**
 * Tells people and programs that a campaign has changed its state. What is to be told stands in the journal, and that it is about to be told is
 * written there first: whoever takes the campaign up tells what was not told yet, and nothing twice. What cannot be
 * delivered after a few attempts is a warning; nothing here fails or delays the campaign.
 */
export interface Notifier {
  /** Looks for news and begins to deliver it. Does not wait. */
  look(): void;
  /** Delivers what is left, for at most so long. With 0 nothing new is begun: the next orchestrator tells it. */
  settle(patienceMs: number): Promise<void>;
}

export interface NotifierOptions {
  readonly campaign: string;
  readonly config: Config["notify"];
  readonly links: Links;
  readonly records: readonly JournalRecord[];
  readonly view: Pick<CampaignView, "notifiedUpTo">;
  readonly decide: (entry: JournalEntry) => Promise<void>;
  readonly log: Log;
  readonly policy?: DeliveryPolicy;
}

export interface DeliveryPolicy {
  /** Time limit of one attempt. */
  readonly attemptMs: number;
  /** Pauses between attempts: there is one attempt more than pauses. */
  readonly pausesMs: readonly number[];
}

/** After what could not even be begun. */
const AGAIN_MS = 10_000;

/** One way of telling. */
interface Channel {
  /** For people. */
  readonly name: string;
  readonly send: (news: Notification, signal: AbortSignal) => Promise<Delivery>;
}

/** At most 53 s for each news. */
const PATIENT: DeliveryPolicy = { attemptMs: 10_000, pausesMs: [1_000, 3_000, 9_000] };

export function createNotifier(options: NotifierOptions): Notifier {
  const { campaign, config, links, records, view, log } = options;
  const policy = options.policy ?? PATIENT;
  const given = new AbortController();

  const channels: Channel[] = [];
  const { webhook, mail } = config;
  if (webhook) {
    // Its path may be a secret.
    const name = `the webhook at ${new URL(webhook.url).origin}`;
    channels.push({ name, send: (news, signal) => postWebhook(webhook, news, signal) });
  }
  if (mail) {
    const name = `the mail to ${mail.to.join(", ")}`;
    channels.push({ name, send: (news, signal) => sendMail(mail, news, policy.attemptMs / 1000, signal) });
  }

  const attempt = async ({ send }: Channel, news: Notification): Promise<Delivery> => {
    const signal = AbortSignal.any([given.signal, AbortSignal.timeout(policy.attemptMs)]);
    try {
      return await send(news, signal);
    } catch (error) {
      return undelivered(describeError(error), true);
    }
  };

  const deliver = async (channel: Channel, news: Notification): Promise<void> => {
    const { name } = channel;
    let delivery = await attempt(channel, news);
    let attempts = 1;
    for (const pause of policy.pausesMs) {
      if (delivery.delivered || !delivery.again || given.signal.aborted) break;
      await sleep(pause, undefined, { signal: given.signal }).catch(() => undefined);
      if (given.signal.aborted) break;
      delivery = await attempt(channel, news);
      attempts += 1;
    }
    if (delivery.delivered) {
      log.info("told of a change", { to: news.to, by: name });
      return;
    }
    const text = `${name} could not be told that the campaign is ${news.to} (attempts: ${String(attempts)}): ${delivery.problem}`;
    log.warn(text);
    await options.decide({ type: "warning", text });
  };

  const work = async (): Promise<void> => {
    for (;;) {
      const [next] = pendingTransitions(records, view.notifiedUpTo, config.on);
      if (!next || given.signal.aborted) return;
      await options.decide({ type: "notify", transition: next.seq });
      const news = notificationOf(campaign, next, links);
      await Promise.all(channels.map((channel) => deliver(channel, news)));
    }
  };

  let working: Promise<void> | undefined;
  let notBefore = 0;
  const look = (): void => {
    if (channels.length === 0 || working || Date.now() < notBefore) return;
    working = work()
      .catch((error: unknown) => {
        // The journal takes nothing just now.
        log.warn("news could not be told", { error: describeError(error) });
        notBefore = Date.now() + AGAIN_MS;
      })
      .finally(() => (working = undefined));
  };

  return {
    look,
    async settle(patienceMs) {
      const timer = setTimeout(() => given.abort(new Error("there was no more time")), patienceMs);
      try {
        // What is under way may be older news than what there is now.
        await working;
        if (patienceMs > 0) look();
        await working;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
