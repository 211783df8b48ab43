/** Words of a locale that stand in dates, in lower case, each with its number. */
export interface DateNames {
  /** 1 is January. Long and short, as they stand alone and within a date, with and without a dot. */
  readonly months: ReadonlyMap<string, number>;
  /** 1 is Monday. */
  readonly weekdays: ReadonlyMap<string, number>;
  /** 0 before noon, 1 after it. */
  readonly halfdays: ReadonlyMap<string, number>;
}

const known = new Map<string, DateNames>();

/**
 * The names of a locale, from the data that Node carries (ICU). English ones are always among them: what writes logs in another
 * language still writes `Jan`, as often as not.
 * @throws RangeError when the locale is no language tag, or one that ICU has no data for
 */
export function dateNames(locale = "en"): DateNames {
  let names = known.get(locale);
  if (names) return names;
  if (Intl.DateTimeFormat.supportedLocalesOf(locale).length === 0) throw new RangeError(`no such locale: ${locale}`);
  const locales = [...new Set(["en", locale])];
  names = {
    months: collect(locales, 12, (i) => Date.UTC(2013, i, 15), "month", [{}, { day: "numeric" }]),
    // 7 January 2013 was a Monday.
    weekdays: collect(locales, 7, (i) => Date.UTC(2013, 0, 7 + i), "weekday", [{}, { day: "numeric" }]),
    halfdays: halfdayNames(locales),
  };
  known.set(locale, names);
  return names;
}

function collect(
  locales: readonly string[],
  count: number,
  time: (i: number) => number,
  part: "month" | "weekday",
  beside: readonly Intl.DateTimeFormatOptions[],
): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const locale of locales) {
    for (const width of ["short", "long"] as const) {
      for (const more of beside) {
        const format = new Intl.DateTimeFormat(locale, {
          ...more,
          [part]: width,
          calendar: "gregory",
          timeZone: "UTC",
        });
        for (let i = 0; i < count; i++) {
          const name = format
            .formatToParts(time(i))
            .find(({ type }) => type === part)
            ?.value.toLowerCase();
          if (name === undefined || /\d/.test(name)) continue;
          for (const spelling of [name, name.replace(/\.$/, "")]) if (!names.has(spelling)) names.set(spelling, i + 1);
        }
      }
    }
  }
  return names;
}

function halfdayNames(locales: readonly string[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const locale of locales) {
    const format = new Intl.DateTimeFormat(locale, { hour: "numeric", hourCycle: "h12", timeZone: "UTC" });
    for (const half of [0, 1]) {
      const parts = format.formatToParts(Date.UTC(2013, 0, 7, half * 12 + 6));
      const name = parts.find(({ type }) => type === "dayPeriod")?.value.toLowerCase();
      if (name !== undefined && !names.has(name)) names.set(name, half);
    }
  }
  return names;
}
