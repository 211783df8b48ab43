/** Logs go to stderr; what a command prints for people or programs goes to stdout. */
export interface Log {
  debug(text: string, context?: Readonly<Record<string, unknown>>): void;
  info(text: string, context?: Readonly<Record<string, unknown>>): void;
  warn(text: string, context?: Readonly<Record<string, unknown>>): void;
  error(text: string, context?: Readonly<Record<string, unknown>>): void;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** One line per message: UTC time, level, text, `key=value` pairs; or one JSON object when `json`. */
export function createLog(options: { json?: boolean; level?: LogLevel; stream?: NodeJS.WritableStream } = {}): Log {
  const stream = options.stream ?? process.stderr;
  const least = LEVELS.indexOf(options.level ?? "info");
  const write = (level: LogLevel, text: string, context: Readonly<Record<string, unknown>> = {}): void => {
    if (LEVELS.indexOf(level) < least) return;
    const at = new Date().toISOString();
    if (options.json) {
      stream.write(`${JSON.stringify({ at, level, text, ...context })}\n`);
      return;
    }
    const pairs = Object.entries(context).map(
      ([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    stream.write(`${at.slice(11, 19)} ${level.padEnd(5)} ${text}${pairs.join("")}\n`);
  };
  return {
    debug: (text, context) => write("debug", text, context),
    info: (text, context) => write("info", text, context),
    warn: (text, context) => write("warn", text, context),
    error: (text, context) => write("error", text, context),
  };
}

/** Says everything to both. */
export function teeLog(one: Log, other: Log): Log {
  const both =
    (level: LogLevel): Log[LogLevel] =>
    (text, context) => {
      one[level](text, context);
      other[level](text, context);
    };
  return { debug: both("debug"), info: both("info"), warn: both("warn"), error: both("error") };
}
