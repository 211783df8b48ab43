import type { DateCompiler, DateReader } from "../filters/filter.ts";
import { ConfigError } from "../contract/errors.ts";
import { compileDateFormat, type DateReader as FormatReader } from "./date-format.ts";
import { isoInstant } from "./instant.ts";

/** Zones that lines name; more than that are nonsense, which must not fill the memory. */
const MOST_ZONES = 64;

/** The dates of date filters. */
export const dateCompiler: DateCompiler = {
  compile({ patterns, locale, zone: ownZone }): DateReader {
    const reader = (zone: string | undefined): FormatReader =>
      compileDateFormat(patterns, {
        ...(zone === undefined ? {} : { zone }),
        ...(locale === undefined ? {} : { locale }),
      });
    const own = reader(ownZone);
    const byZone = new Map<string, FormatReader | undefined>();
    return {
      read(value, line, zone) {
        let read: FormatReader | undefined = own;
        if (zone !== undefined) {
          if (byZone.size >= MOST_ZONES && !byZone.has(zone)) byZone.clear();
          if (!byZone.has(zone))
            byZone.set(
              zone,
              orUndefined(() => reader(zone)),
            );
          read = byZone.get(zone);
        }
        const instant = read?.(value, line);
        return instant && isoInstant(instant);
      },
    };
  },
};

/** A zone that a line names may be none. */
function orUndefined(make: () => FormatReader): FormatReader | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
