import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseKlist, renewalArgv } from "../../../../pbs/access/ticket.ts";

const capture = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../../fixtures/kerberos", `${name}.txt`), "utf8");

describe("parseKlist", () => {
  it("finds the ticket-granting ticket and its times, among others", () => {
    const ticket = parseKlist(capture("klist-services"));
    expect(ticket?.principal).toBe("alice@TEST");
    expect((ticket?.renewUntil ?? 0) - (ticket?.expiresAt ?? 0)).toBe(3_600_000);
    expect(new Date(ticket?.expiresAt ?? 0).toISOString()).toMatch(/^2026-11-26T/);
  });

  it("tells one that can be renewed from one that cannot", () => {
    expect(parseKlist(capture("klist-renewable"))?.renewUntil).toBeDefined();
    expect(parseKlist(capture("klist-not-renewable"))).toEqual({
      principal: "alice@TEST",
      expiresAt: expect.any(Number) as number,
    });
  });

  it("reads years of four digits too, and takes no other realm's ticket", () => {
    const text = capture("klist-not-renewable").replaceAll(/(\d\d\/\d\d\/)26/g, "$12026");
    expect(parseKlist(text)).toEqual(parseKlist(capture("klist-not-renewable")));
    expect(parseKlist(capture("klist-renewable").replace("krbtgt/TEST@TEST", "krbtgt/OTHER@TEST"))).toBeUndefined();
  });

  it("finds none where there is none", () => {
    expect(parseKlist(capture("klist-none"))).toBeUndefined();
    expect(parseKlist("")).toBeUndefined();
  });
});

it("renews from the keytab when there is one", () => {
  expect(renewalArgv({ warnBeforeSeconds: 1 })).toEqual(["kinit", "-R"]);
  expect(renewalArgv({ warnBeforeSeconds: 1, keytab: "/k", principal: "alice@TEST" })).toEqual([
    "kinit",
    "-k",
    "-t",
    "/k",
    "alice@TEST",
  ]);
});
