import { describe, expect, it } from "vitest";
import { geoip } from "../../../../worker/filters/geoip.ts";
import type { FilterTools } from "../../../../worker/filters/filter.ts";
import { writeMmdb } from "./mmdb-writer.ts";
import { apply, refusals, TOOLS } from "./tools.ts";

const BRNO = {
  city: { names: { cs: "Brno-město", en: "Brno" } },
  continent: { code: "EU", names: { en: "Europe" } },
  country: { iso_code: "CZ", names: { en: "Czechia" } },
  location: { latitude: 49.2, longitude: 16.63, metro_code: 7, time_zone: "Europe/Prague" },
  postal: { code: "602 00" },
  subdivisions: [
    { iso_code: "64", names: { en: "South Moravian" } },
    { iso_code: "642", names: { en: "Brno City" } },
  ],
};

const DATABASES: Readonly<Record<string, Uint8Array>> = {
  city: writeMmdb("GeoLite2-City", 6, {
    "147.251.0.0/16": BRNO,
    "2001:718::/32": { location: { latitude: 50.1, longitude: 14.4 } },
    "192.0.2.0/24": { country: { iso_code: "XX" } },
    "198.51.100.0/24": { location: { latitude: -1.5 } },
  }),
  country: writeMmdb("GeoIP2-Country", 4, { "147.251.0.0/16": BRNO, "32.1.0.0/16": BRNO }),
  asn: writeMmdb("GeoLite2-ASN", 6, {
    "147.251.0.0/16": { autonomous_system_number: 2852, autonomous_system_organization: "CESNET" },
    "10.0.0.0/8": { autonomous_system_number: 1 },
    "2001:db8::/32": { autonomous_system_number: 2 },
  }),
  isp: writeMmdb("GeoIP2-ISP", 4, { "10.0.0.0/8": {} }),
  damaged: Buffer.from("no database at all"),
};

const tools: FilterTools = { ...TOOLS, databases: { open: (name) => DATABASES[name] ?? TOOLS.databases.open(name) } };
const run = (options: object, fields: string) => apply(geoip, { source: "ip", ...options }, fields, tools);
const FAILURE = '"tags":["_geoip_lookup_failure"]';

describe("geoip", () => {
  it.each<[object, string, string]>([
    [
      { database: "city" },
      "147.251.4.33",
      '"geoip":{"city_name":"Brno","country_name":"Czechia","continent_code":"EU","country_code2":"CZ","country_code3":"CZ",' +
        '"ip":"147.251.4.33","postal_code":"602 00","dma_code":7,"region_name":"Brno City","region_code":"642",' +
        '"timezone":"Europe/Prague","location":{"lat":49.2,"lon":16.63},"latitude":49.2,"longitude":16.63}',
    ],
    [
      { database: "city", target: "[a][b]", fields: ["city_name", "CITY_NAME", "ip"] },
      "147.251.4.33",
      '"a":{"b":{"city_name":"Brno","ip":"147.251.4.33"}}',
    ],
    [
      { database: "city", ecs_compatibility: "v8", target: "source" },
      "147.251.4.33",
      '"source":{"geo":{"city_name":"Brno","country_name":"Czechia","continent_code":"EU","country_iso_code":"CZ","postal_code":"602 00",' +
        '"region_name":"Brno City","region_iso_code":"CZ-642","timezone":"Europe/Prague","location":{"lat":49.2,"lon":16.63}},' +
        '"ip":"147.251.4.33","mmdb":{"dma_code":7}}',
    ],
    [
      { database: "city" },
      "2001:718:1c01::5",
      '"geoip":{"ip":"2001:718:1c01:0:0:0:0:5","location":{"lat":50.1,"lon":14.4},"latitude":50.1,"longitude":14.4}',
    ],
    [{ database: "city", fields: ["ip"] }, "::FFFF:147.251.4.33", '"geoip":{"ip":"147.251.4.33"}'],
    [{ database: "city" }, "198.51.100.9", '"geoip":{"ip":"198.51.100.9","latitude":-1.5}'],
    [{ database: "city", fields: ["AUTONOMOUS_SYSTEM_NUMBER", "ip"] }, "147.251.4.33", '"geoip":{"ip":"147.251.4.33"}'],
    [
      { database: "country" },
      "147.251.4.33",
      '"geoip":{"country_name":"Czechia","continent_name":"Europe","country_code2":"CZ","ip":"147.251.4.33"}',
    ],
    [{ database: "asn" }, "147.251.4.33", '"geoip":{"asn":2852,"as_org":"CESNET","ip":"147.251.4.33"}'],
    [{ database: "asn" }, "10.1.2.3", '"geoip":{"asn":1,"ip":"10.1.2.3"}'],
    [
      { database: "asn", ecs_compatibility: "v1", target: "source" },
      "2001:db8::1",
      '"source":{"as":{"number":2},"ip":"2001:db8:0:0:0:0:0:1"}',
    ],
  ])("%j of %s", (options, ip, result) => {
    expect(run(options, JSON.stringify({ ip }))).toMatchObject({
      result: "matched",
      event: `{"ip":"${ip}",${result}}`,
    });
  });

  it.each<[object, string, string]>([
    // What is looked up and not found leaves an empty target; what is not looked up none.
    [{ database: "city" }, '{"ip":"203.0.113.1"}', `{"ip":"203.0.113.1","geoip":{},${FAILURE}}`],
    [{ database: "city" }, '{"ip":"192.0.2.7"}', `{"ip":"192.0.2.7","geoip":{},${FAILURE}}`],
    [{ database: "city" }, '{"ip":"host.example"}', `{"ip":"host.example","geoip":{},${FAILURE}}`],
    [{ database: "city" }, '{"ip":"147.251.004.033"}', `{"ip":"147.251.004.033","geoip":{},${FAILURE}}`],
    [{ database: "city" }, '{"ip":"2001:718::1%eth0"}', `{"ip":"2001:718::1%eth0","geoip":{},${FAILURE}}`],
    [{ database: "country" }, '{"ip":"2001::1"}', `{"ip":"2001::1","geoip":{},${FAILURE}}`],
    [{ database: "city" }, '{"ip":"203.0.113.1","geoip":{"x":1}}', `{"ip":"203.0.113.1","geoip":{"x":1},${FAILURE}}`],
    [{ database: "city" }, "{}", `{${FAILURE}}`],
    [{ database: "city" }, '{"ip":null}', `{"ip":null,${FAILURE}}`],
    [{ database: "city" }, '{"ip":" "}', `{"ip":" ",${FAILURE}}`],
    [{ database: "city" }, '{"ip":5}', `{"ip":5,${FAILURE}}`],
    [{ database: "city" }, '{"ip":[]}', `{"ip":[],${FAILURE}}`],
    [{ database: "city" }, '{"ip":{"a":"147.251.4.33"}}', `{"ip":{"a":"147.251.4.33"},${FAILURE}}`],
    [{ database: "city", target: "[ip][geo]" }, '{"ip":"147.251.4.33"}', `{"ip":"147.251.4.33",${FAILURE}}`],
    [{ database: "city", target: "g" }, '{"ip":"147.251.4.33","g":"x"}', `{"ip":"147.251.4.33","g":"x",${FAILURE}}`],
    [{ database: "city", tag_on_failure: ["x"] }, '{"ip":"x y"}', '{"ip":"x y","geoip":{},"tags":["x"]}'],
  ])("%j fails on %s", (options, before, after) => {
    expect(run(options, before)).toMatchObject({ event: after, result: "failed" });
  });

  it("looks up the first of a list, and puts the result beside an ip of ECS", () => {
    const options = { database: "asn", ecs_compatibility: "v8", source: "[client][ip]" };
    expect(run(options, '{"client":{"ip":["10.0.0.1","147.251.4.33"]}}').event).toBe(
      '{"client":{"ip":"10.0.0.1","as":{"number":1}}}',
    );
  });

  it("does not fall over a database that breaks off", () => {
    const whole = DATABASES.asn!;
    const marker = Buffer.from(whole).indexOf("\xab\xcd\xefMaxMind.com", "latin1");
    // The data is gone, the tree and the metadata are there.
    const broken = Buffer.from(whole).fill(0xff, marker - 80, marker);
    const databases = { open: () => broken };
    expect(apply(geoip, { source: "ip", database: "x" }, '{"ip":"10.0.0.1"}', { ...tools, databases })).toMatchObject({
      result: "failed",
      event: `{"ip":"10.0.0.1","geoip":{},${FAILURE}}`,
    });
  });

  it.each([
    ["isp", "is a database of the type GeoIP2-ISP"],
    ["damaged", "is no MaxMind database"],
    ["missing", "no database missing here"],
  ])("refuses the database %s", (database, why) => {
    expect(() => run({ database }, "{}")).toThrow(why);
  });

  it.each<[object, string]>([
    [{ source: "ip" }, "database: "],
    [{ database: "city" }, "source: "],
    [{ source: "ip", database: "city", fields: ["isp"] }, "fields.0: is no field"],
    [{ source: "address", database: "city", ecs_compatibility: "v8" }, "needs a target"],
  ])("%j is refused: %s", (options, problem) => {
    expect(refusals(geoip, options)).toEqual([expect.stringContaining(problem)]);
  });
});
