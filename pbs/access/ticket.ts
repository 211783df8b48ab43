import { ConfigError, describeError } from "../../worker/contract/errors.ts";
import type { Argv, CommandRunner } from "../batch-system.ts";
import type { AccessLog } from "./options.ts";

/**
 * Watches the life of the Kerberos ticket that logins need. A connection that stands outlives its ticket; the next login does not. So the ticket is
 * renewed in time, from a keytab when there is one, and otherwise as long as it can be renewed; somebody is told while there is still time to type `kinit`.
 */
export interface KerberosOptions {
  /** A ticket that ends earlier than this is renewed, or warned of. */
  readonly warnBeforeSeconds: number;
  /** Keys to get new tickets with. */
  readonly keytab?: string | undefined;
  /** Whose ticket, with a keytab. Default: this machine's, `host/<name>`, as kinit has it. */
  readonly principal?: string | undefined;
}

/** A ticket as `klist` shows it; times are epochs in milliseconds. */
export interface Ticket {
  readonly principal: string;
  readonly expiresAt: number;
  /** Until when it can be renewed; absent when it cannot. */
  readonly renewUntil?: number;
}

export interface TicketWatch {
  /** Looks at the ticket now, and renews it when it is time. @returns undefined when there is none that holds */
  look(signal: AbortSignal): Promise<Ticket | undefined>;
  stop(): void;
}

const TIMEOUT_SECONDS = 30;
const LONGEST_INTERVAL_MS = 5 * 60_000;
const SHORTEST_INTERVAL_MS = 10_000;

/** The programs say times in UTC and in the C locale's form. */
const PLAINLY: readonly [string, ...string[]] = ["env", "LC_ALL=C", "TZ=UTC"];

/**
 * @param runner of this machine
 * @throws ConfigError `COMMAND_MISSING` from `look`, without Kerberos's programs
 */
export function watchTicket(
  options: KerberosOptions,
  runner: CommandRunner,
  log: AccessLog,
  now: () => number = Date.now,
): TicketWatch {
  let said = "";
  const say = (text: string): void => {
    if (text !== said) log.warn(text);
    said = text;
  };
  const run = async (argv: readonly string[], signal: AbortSignal): Promise<{ code: number; text: string }> => {
    const { code, stdout, stderr } = await runner.run([...PLAINLY, ...argv] as unknown as Argv, {
      timeoutSeconds: TIMEOUT_SECONDS,
      signal,
    });
    if (code === 127) {
      throw new ConfigError(
        "COMMAND_MISSING",
        `there is no ${argv[0] ?? ""} on this machine; install Kerberos's programs (Debian: krb5-user)`,
      );
    }
    return { code, text: code === 0 ? stdout : stderr.trim() };
  };
  const present = async (signal: AbortSignal): Promise<Ticket | undefined> => {
    const { code, text } = await run(["klist"], signal);
    const ticket = code === 0 ? parseKlist(text) : undefined;
    return ticket && ticket.expiresAt > now() ? ticket : undefined;
  };
  const isShort = (ticket: Ticket | undefined): boolean =>
    ticket === undefined || ticket.expiresAt - now() < options.warnBeforeSeconds * 1000;

  const look = async (signal: AbortSignal): Promise<Ticket | undefined> => {
    let ticket = await present(signal);
    if (!isShort(ticket)) {
      said = "";
      return ticket;
    }
    const renewal = await run(renewalArgv(options), signal);
    if (renewal.code === 0) ticket = await present(signal);
    if (!isShort(ticket)) said = "";
    else if (ticket) {
      const minutes = Math.max(0, Math.round((ticket.expiresAt - now()) / 60_000));
      say(
        `the Kerberos ticket of ${ticket.principal} ends in ${String(minutes)} minutes and could not be renewed${renewal.code === 0 ? "" : ` (${renewal.text})`}; run kinit, or set batch.access.kerberos.keytab`,
      );
    } else say(`there is no Kerberos ticket (${renewal.text}); run kinit, or set batch.access.kerberos.keytab`);
    return ticket;
  };

  const life = new AbortController();
  const interval = Math.min(
    LONGEST_INTERVAL_MS,
    Math.max(SHORTEST_INTERVAL_MS, (options.warnBeforeSeconds * 1000) / 4),
  );
  const timer = setInterval(() => {
    look(life.signal).catch((error: unknown) => {
      if (!life.signal.aborted) say(`the Kerberos ticket could not be looked at: ${describeError(error)}`);
    });
  }, interval);
  timer.unref();
  return {
    look,
    stop() {
      clearInterval(timer);
      life.abort();
    },
  };
}

/** A new ticket from the keytab, or a longer life for the one that is there. @source kinit(1) */
export function renewalArgv({ keytab, principal }: KerberosOptions): readonly string[] {
  if (keytab === undefined) return ["kinit", "-R"];
  return ["kinit", "-k", "-t", keytab, ...(principal === undefined ? [] : [principal])];
}

/**
 * The ticket-granting ticket of the default principal; undefined when there is none. Pure.
 * @param text of MIT's `klist` under `LC_ALL=C TZ=UTC`
 * @source captures in test/fixtures/kerberos
 */
export function parseKlist(text: string): Ticket | undefined {
  const principal = /^Default principal: (.+)$/m.exec(text)?.[1];
  const realm = principal === undefined ? undefined : /[^\\]@(.+)$/.exec(principal)?.[1];
  if (principal === undefined || realm === undefined) return undefined;
  const lines = text.split("\n");
  const at = lines.findIndex((line) => line.endsWith(` krbtgt/${realm}@${realm}`));
  const [, expires] = timesIn(lines[at] ?? "");
  if (expires === undefined) return undefined;
  const below = lines[at + 1] ?? "";
  const [renewUntil] = /^\s+renew until /.test(below) ? timesIn(below) : [];
  return { principal, expiresAt: expires, ...(renewUntil === undefined ? {} : { renewUntil }) };
}

/** `11/26/26 01:03:45`, month first, as the C locale writes it. */
function timesIn(line: string): readonly number[] {
  return [...line.matchAll(/(\d\d)\/(\d\d)\/(\d\d(?:\d\d)?) (\d\d):(\d\d):(\d\d)/g)].map((match) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
    return Date.UTC(year < 100 ? 2000 + year : year, month - 1, day, hour, minute, second);
  });
}
