import { describe, expect, it } from "vitest";
import type { StandardBank } from "../../../../worker/contract/grok.ts";
import { standardBank } from "../../../../worker/grok/standard-bank.ts";

const definition = (bank: StandardBank, line: string) => {
  const [, text] =
    standardBank(bank, [{ name: "file", text: `${line}\n` }])
      .entries()
      .next().value ?? [];
  return text?.text;
};

describe("what Elasticsearch's copy lost", () => {
  it.each<[bank: StandardBank, copy: string, original: string]>([
    ["legacy", String.raw`UNIXPATH (/([\w_%!$@:.,+~-]+|\\.)*)+`, "(/[[[:alnum:]]_%!$@:.,+~-]*)+"],
    ["legacy", "LOGLEVEL ([Ii]nfo|INFO|[Ww]arn)", "([Ii]nfo?(?:rmation)?|INFO?(?:RMATION)?|[Ww]arn)"],
    ["legacy", "TIMESTAMP_ISO8601 T%{ISO8601_HOUR}:%{MINUTE}", "T%{HOUR}:%{MINUTE}"],
    [
      "ecs-v1",
      String.raw`CISCOFW733100 a\\s*%{DATA:[cisco.asa.burst.object}`,
      String.raw`a\[\s*%{DATA:[cisco][asa][burst][object]}`,
    ],
    ["ecs-v1", "ELB_URI %{URIPROTO}(?:%{USER}(?::^@*)?@)?", "%{URIPROTO}(?:%{USER}(?::[^@]*)?@)?"],
    ["ecs-v1", String.raw`EXIM_REMOTE_HOST a \%{IP:source.ip}\]`, String.raw`a \[%{IP:[source][ip]}\]`],
    ["ecs-v1", "IPTABLES (?::A-Fa-f0-9{2}:A-Fa-f0-9{2})", "(?::[A-Fa-f0-9]{2}:[A-Fa-f0-9]{2})"],
    ["ecs-v1", String.raw`S3_ACCESS_LOG a \%{HTTPDATE:timestamp}\ b`, String.raw`a \[%{HTTPDATE:timestamp}\] b`],
    ["ecs-v1", String.raw`ZEEK_FILES_RX_HOSTS %{IP}(?:\s,%{IP})*`, String.raw`%{IP}(?:[\s,]%{IP})*`],
  ])("is put back in %s, %s", (bank, copy, original) => {
    expect(definition(bank, copy)).toBe(original);
  });

  it("is not put into a definition that was mended, nor into another one", () => {
    expect(definition("legacy", "TIMESTAMP_ISO8601 T%{HOUR}")).toBe("T%{HOUR}");
    expect(definition("legacy", "OTHER %{ISO8601_HOUR}")).toBe("%{ISO8601_HOUR}");
    expect(definition("ecs-v1", "LOGLEVEL [Ii]nfo|INFO|")).toBe("[Ii]nfo|INFO|");
  });
});

it("takes files in their order, and names them", () => {
  const bank = standardBank("legacy", [
    { name: "a", text: "A 1\n" },
    { name: "b", text: "A 2\n" },
  ]);
  expect(bank.get("A")).toEqual({ text: "2", where: "legacy/b:1" });
});
