import { isFields, type Json } from "../pipeline/event.ts";

/**
 * What the geoip filter takes out of a record of a MaxMind database, by the names that its option `fields` has.
 *
 * @source logstash-filter-geoip 7.3: GeoIPFilter.java, Field.java, Database.java; MaxMind's database documentation
 */

/** Kinds of databases that are understood, by what their type contains (`GeoLite2-City`, `GeoIP2-City-Europe`). */
export type DatabaseKind = "City" | "Country" | "ASN";

/** A field of the result. */
interface GeoField {
  /** Its place below the target, and the same by the Elastic Common Schema; null when that has none. */
  readonly legacy: string;
  readonly ecs: string | null;
  /** In which kinds of databases it is, and whether it is taken from there when `fields` does not say. */
  readonly kinds: readonly DatabaseKind[];
  readonly standard: readonly DatabaseKind[];
  /** Its value in a record; undefined when the record does not say it. */
  readonly of: (record: Json, address: string) => Json | undefined;
}

const at =
  (...path: readonly (string | number)[]) =>
  (record: Json): Json | undefined =>
    path.reduce<Json | undefined>((value, key) => {
      if (Array.isArray(value)) return value.at(Number(key));
      return isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }, record);

const latitude = at("location", "latitude");
const longitude = at("location", "longitude");
const country = at("country", "iso_code");
/** The most specific subdivision is the last. */
const region = at("subdivisions", -1, "iso_code");

function location(record: Json): Json | undefined {
  const [lat, lon] = [latitude(record), longitude(record)];
  return lat === undefined || lon === undefined ? undefined : { lat, lon };
}

function regionIsoCode(record: Json): Json | undefined {
  const [countryCode, regionCode] = [country(record), region(record)];
  return typeof countryCode === "string" && typeof regionCode === "string" ? `${countryCode}-${regionCode}` : undefined;
}

const PLACES: readonly DatabaseKind[] = ["City", "Country"];
const CITY: readonly DatabaseKind[] = ["City"];
const COUNTRY: readonly DatabaseKind[] = ["Country"];
const ASN: readonly DatabaseKind[] = ["ASN"];

/** By the names of the option `fields`, in the order in which they are written. */
export const GEO_FIELDS: Readonly<Record<string, GeoField>> = {
  AUTONOMOUS_SYSTEM_NUMBER: {
    legacy: "asn",
    ecs: "[as][number]",
    kinds: ASN,
    standard: ASN,
    of: at("autonomous_system_number"),
  },
  AUTONOMOUS_SYSTEM_ORGANIZATION: {
    legacy: "as_org",
    ecs: "[as][organization][name]",
    kinds: ASN,
    standard: ASN,
    of: at("autonomous_system_organization"),
  },
  CITY_NAME: {
    legacy: "city_name",
    ecs: "[geo][city_name]",
    kinds: CITY,
    standard: CITY,
    of: at("city", "names", "en"),
  },
  COUNTRY_NAME: {
    legacy: "country_name",
    ecs: "[geo][country_name]",
    kinds: PLACES,
    standard: PLACES,
    of: at("country", "names", "en"),
  },
  CONTINENT_CODE: {
    legacy: "continent_code",
    ecs: "[geo][continent_code]",
    kinds: CITY,
    standard: CITY,
    of: at("continent", "code"),
  },
  CONTINENT_NAME: {
    legacy: "continent_name",
    ecs: "[geo][continent_name]",
    kinds: PLACES,
    standard: COUNTRY,
    of: at("continent", "names", "en"),
  },
  COUNTRY_CODE2: {
    legacy: "country_code2",
    ecs: "[geo][country_iso_code]",
    kinds: PLACES,
    standard: PLACES,
    of: country,
  },
  // Logstash's holds the two letters as well.
  COUNTRY_CODE3: { legacy: "country_code3", ecs: null, kinds: CITY, standard: CITY, of: country },
  IP: {
    legacy: "ip",
    ecs: "[ip]",
    kinds: ["City", "Country", "ASN"],
    standard: ["City", "Country", "ASN"],
    of: (_, address) => address,
  },
  POSTAL_CODE: {
    legacy: "postal_code",
    ecs: "[geo][postal_code]",
    kinds: CITY,
    standard: CITY,
    of: at("postal", "code"),
  },
  DMA_CODE: {
    legacy: "dma_code",
    ecs: "[mmdb][dma_code]",
    kinds: CITY,
    standard: CITY,
    of: at("location", "metro_code"),
  },
  REGION_NAME: {
    legacy: "region_name",
    ecs: "[geo][region_name]",
    kinds: CITY,
    standard: CITY,
    of: at("subdivisions", -1, "names", "en"),
  },
  REGION_CODE: { legacy: "region_code", ecs: "[geo][region_code]", kinds: CITY, standard: [], of: region },
  REGION_ISO_CODE: {
    legacy: "region_iso_code",
    ecs: "[geo][region_iso_code]",
    kinds: CITY,
    standard: [],
    of: regionIsoCode,
  },
  TIMEZONE: {
    legacy: "timezone",
    ecs: "[geo][timezone]",
    kinds: CITY,
    standard: CITY,
    of: at("location", "time_zone"),
  },
  LOCATION: { legacy: "location", ecs: "[geo][location]", kinds: CITY, standard: CITY, of: location },
  LATITUDE: { legacy: "latitude", ecs: "[geo][location][lat]", kinds: CITY, standard: CITY, of: latitude },
  LONGITUDE: { legacy: "longitude", ecs: "[geo][location][lon]", kinds: CITY, standard: CITY, of: longitude },
};

/** The kind of a database by the type that it says; undefined for one that is not understood. */
export function kindOf(databaseType: string): DatabaseKind | undefined {
  return (["City", "Country", "ASN"] as const).find((kind) => databaseType.includes(kind));
}

/** The fields that are taken when the options do not say: the region's code is the country's own unless it is ECS. */
export function standardFields(kind: DatabaseKind, ecs: boolean): readonly string[] {
  const region = kind === "City" ? [ecs ? "REGION_ISO_CODE" : "REGION_CODE"] : [];
  return Object.keys(GEO_FIELDS).filter((name) => GEO_FIELDS[name]!.standard.includes(kind) || region.includes(name));
}

/** Whether a record says where the address is: without a position Logstash takes nothing from a city database. */
export function isLocated(record: Json, kind: DatabaseKind): boolean {
  return kind !== "City" || latitude(record) !== undefined || longitude(record) !== undefined;
}
