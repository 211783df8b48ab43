import { isIP } from "node:net";
import { Reader, type CityResponse } from "mmdb-lib";
import { z } from "zod";
import { ConfigError } from "../contract/errors.ts";
import { newFields, parseFieldPath, type FieldPath, type Json, type LogEvent } from "../pipeline/event.ts";
import type { FilterKind, MmdbOpener } from "./filter.ts";
import { GEO_FIELDS, isLocated, kindOf, standardFields, type DatabaseKind } from "./geoip-record.ts";
import { ecsCompatibility, failureTags, fieldPath, list, text } from "./options.ts";

/** Options of the geoip filter. */
export interface GeoipOptions {
  readonly ecs_compatibility: "disabled" | "v1" | "v8";
  readonly source: FieldPath;
  readonly target?: FieldPath | undefined;
  readonly database: string;
  readonly fields: readonly string[];
  readonly tag_on_failure: readonly string[];
}

const fieldName = text
  .transform((name) => name.toUpperCase())
  .refine((name) => Object.hasOwn(GEO_FIELDS, name), {
    error: `is no field of a city, country or ASN database; known: ${Object.keys(GEO_FIELDS).join(", ")}`,
  });

/**
 * Looks an address up in a MaxMind database: the place (City, Country) or the network (ASN). Names are never resolved. An
 * address that is not found gets the tag and an empty target, as in Logstash; a missing field the tag alone.
 *
 * @source logstash-filter-geoip 7.3: lib/logstash/filters/geoip.rb, GeoIPFilter.java
 */
export const geoip: FilterKind<GeoipOptions> = {
  name: "geoip",
  schema: z
    .strictObject({
      ecs_compatibility: ecsCompatibility,
      source: fieldPath,
      target: fieldPath.optional(),
      database: text,
      fields: z.prefault(list(fieldName), []),
      tag_on_failure: failureTags("_geoip_lookup_failure"),
    })
    .refine(({ ecs_compatibility: ecs, source, target }) => ecs === "disabled" || target || source.at(-1) === "ip", {
      error: "needs a target, since the source is no field named ip; write for example target: source",
    }),
  refused: {
    default_database_type: "which database it is, its file says; name it in database",
    cache_size: "lookups are not cached; take it away",
  },
  create(options, tools) {
    const { reader, kind } = openDatabase(options.database, tools.databases);
    const ecs = options.ecs_compatibility !== "disabled";
    const names = options.fields.length > 0 ? options.fields : standardFields(kind, ecs);
    const target = options.target ?? (ecs ? options.source.slice(0, -1) : ["geoip"]);
    const fields = [...new Set(names)].flatMap((name) => {
      const { legacy, ecs: ecsName, kinds, of } = GEO_FIELDS[name]!;
      const place = ecs ? ecsName : legacy;
      return place !== null && kinds.includes(kind) ? [{ path: [...target, ...parseFieldPath(place)], of }] : [];
    });
    const fail = (event: LogEvent) => {
      for (const tag of options.tag_on_failure) event.tag(tag);
      return "failed" as const;
    };
    return {
      apply(event) {
        const address = addressOf(event.get(options.source));
        if (address === undefined) return fail(event);
        if ((event.get(target) ?? null) === null && !event.set(target, newFields())) return fail(event);
        const normal = normalAddress(address);
        const record = normal === undefined ? undefined : lookUp(reader, normal);
        if (normal === undefined || record === undefined || !isLocated(record, kind)) return fail(event);
        const placed = fields.every(({ path, of }) => {
          const value = of(record, normal);
          return value === undefined || event.set(path, value);
        });
        return placed ? "matched" : fail(event);
      },
    };
  },
};

/** What a `Reader` is asked for here: any record. */
type AnyReader = Reader<CityResponse>;

function openDatabase(
  name: string,
  databases: MmdbOpener,
): { readonly reader: AnyReader; readonly kind: DatabaseKind } {
  const bytes = databases.open(name);
  let reader: AnyReader;
  try {
    reader = new Reader<CityResponse>(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw new ConfigError(
      "PIPELINE_INVALID",
      `${name} is no MaxMind database, or a damaged one; name a .mmdb file, for example GeoLite2-City.mmdb`,
      { cause: error },
    );
  }
  const kind = kindOf(reader.metadata.databaseType);
  if (kind) return { reader, kind };
  throw new ConfigError(
    "PIPELINE_INVALID",
    `${name} is a database of the type ${reader.metadata.databaseType}; name a City, Country or ASN one`,
  );
}

/** A record; undefined when there is none, or when the database breaks off where it should be. */
function lookUp(reader: AnyReader, address: string): Json | undefined {
  // The reader would take the first 32 bits of a long address for a short one.
  if (reader.metadata.ipVersion === 4 && address.includes(":")) return undefined;
  try {
    return (reader.get(address) as Json) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The text that is looked up: of a list its first; undefined when there is none. */
function addressOf(value: Json | undefined): string | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" && first.trim() !== "" ? first : undefined;
}

/**
 * An address as Java's getHostAddress writes it: IPv6 in eight groups, an IPv4 address in IPv6 as IPv4; undefined when the text
 * is none, or has a zone.
 */
function normalAddress(text: string): string | undefined {
  const version = text.includes("%") ? 0 : isIP(text);
  if (version !== 6) return version === 4 ? text : undefined;
  const whole = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [left = [], right = []] = whole.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const zeros = new Array<string>(8 - left.length - right.length).fill("0");
  const groups = [...left, ...zeros, ...right].map((group) => parseInt(group, 16));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join(".");
  }
  return groups.map((group) => group.toString(16)).join(":");
}
