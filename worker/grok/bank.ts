import { ConfigError } from "../contract/errors.ts";

/** One definition of a bank. */
export interface Definition {
  /** An expression that may refer to other definitions. */
  readonly text: string;
  /** File and line, for messages. */
  readonly where: string;
}

/** Definitions by name. */
export type Bank = ReadonlyMap<string, Definition>;

/**
 * Reads a pattern file: a line is `NAME expression`; blank lines and lines that begin with `#` are left out. Blanks at
 * the end belong to the expression (the standard banks have such). A name that
 * is defined again gets the later meaning, as in Logstash.
 * @param file for messages
 * @throws ConfigError `GROK_DEFINITION` with file and line
 * @source jls-grok, `add_patterns_from_file`
 */
export function parseBank(text: string, file: string): Bank {
  const bank = new Map<string, Definition>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const where = `${file}:${String(i + 1)}`;
    const stripped = line.replace(/^\s+/, "");
    if (stripped === "" || stripped.startsWith("#")) continue;
    const match = /^(\S+)\s+(.*)$/s.exec(stripped);
    if (!match) {
      throw new ConfigError(
        "GROK_DEFINITION",
        `${where}: ${stripped} has no expression; write NAME, a blank and the expression`,
      );
    }
    bank.set(nameIn(match[1]!, where), { text: match[2]!, where });
  }
  return bank;
}

/** Definitions that stand in a pipeline, as `pattern_definitions`. @throws ConfigError `GROK_DEFINITION` */
export function bankOf(definitions: Readonly<Record<string, string>>, where: string): Bank {
  return new Map(Object.entries(definitions).map(([name, text]) => [nameIn(name, where), { text, where }]));
}

/** Later banks win. */
export function mergeBanks(...banks: readonly Bank[]): Bank {
  return new Map(banks.flatMap((bank) => [...bank]));
}

/**
 * Elasticsearch's copies of the standard banks name nested fields with dots, `%{WORD:user.name}`; Logstash's originals,
 * and we, write `[user][name]`.
 */
export function nestDottedFields(bank: Bank): Bank {
  const nest = (name: string): string => (name.includes(".") ? `[${name.split(".").join("][")}]` : name);
  return new Map(
    Array.from(bank, ([name, { text, where }]) => [
      name,
      {
        text: text
          .replaceAll(/%\{(\w+):([\w@.-]+)/g, (_, pattern: string, field: string) => `%{${pattern}:${nest(field)}`)
          .replaceAll(/\(\?<([\w@][\w@.-]*)>/g, (_, field: string) => `(?<${nest(field)}>`),
        where,
      },
    ]),
  );
}

function nameIn(name: string, where: string): string {
  if (/^[A-Za-z0-9_]+$/.test(name)) return name;
  throw new ConfigError("GROK_DEFINITION", `${where}: ${name} is no name; letters, digits and \`_\` are`);
}
