import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { compileLayout, layoutPath, patternProblem, serviceOf } from "../../../orchestrator/layout.ts";

const seed = compileLayout(configSchema.parse({}).archive.layout.patterns);

describe("the seed's layouts", () => {
  it.each([
    [
      "hosts/2013/01/10.0.0.1/syslog",
      { named: { year: "2013", month: "01" }, host: "10.0.0.1", service: "syslog", kind: "per-host" },
    ],
    [
      "hosts/2013/01/10.0.0.1/auth.log",
      { named: { year: "2013", month: "01" }, host: "10.0.0.1", service: "auth", kind: "per-host" },
    ],
    [
      "hosts/2013/12/fe80::1/kern.log",
      { named: { year: "2013", month: "12" }, host: "fe80::1", service: "kern", kind: "per-host" },
    ],
    [
      "hosts/auth/2013/01/auth.log.20130114",
      { named: { year: "2013", month: "01", day: "14" }, service: "auth", kind: "per-service" },
    ],
    [
      "hosts/pbs/2012/02/log.20120229",
      { named: { year: "2012", month: "02", day: "29" }, service: "pbs", kind: "per-service" },
    ],
    [
      'hosts/2013/01/a\n"b/syslog',
      { named: { year: "2013", month: "01" }, host: 'a\n"b', service: "syslog", kind: "per-host" },
    ],
  ])("%j", (path, expected) => expect(seed.match(path)).toEqual(expected));

  it.each([
    ["no thirteenth month", "hosts/2013/13/10.0.0.1/syslog"],
    ["no month zero", "hosts/2013/00/10.0.0.1/syslog"],
    ["no 29 February in a common year", "hosts/pbs/2013/02/log.20130229"],
    ["a repeated placeholder agrees with itself", "hosts/auth/2013/01/auth.log.20130214"],
    ["too shallow", "hosts/2013/01/syslog"],
    ["too deep", "hosts/2013/01/10.0.0.1/old/syslog"],
    ["a dot is a dot", "hosts/pbs/2013/01/logx20130101"],
    ["the whole path", "x/hosts/2013/01/10.0.0.1/syslog"],
    ["not the root", ""],
  ])("%s: %j does not match", (_, path) => expect(seed.match(path)).toBeUndefined());
});

describe("patterns", () => {
  it("a star matches within one folder", () => {
    const layout = compileLayout([{ path: "*/{service}-{year}{month}*.txt", kind: "per-service" }]);
    expect(layout.match("x/mail-201301-a.txt")).toMatchObject({
      named: { year: "2013", month: "01" },
      service: "mail",
    });
    expect(layout.match("x/mail-201301.txt")).toMatchObject({ named: { year: "2013", month: "01" } });
    expect(layout.match("x/y/mail-201301.txt")).toBeUndefined();
    expect(layout.match("x/mail-201301-a/b.txt")).toBeUndefined();
  });

  it("the first pattern that matches counts", () => {
    const layout = compileLayout([
      { path: "{year}/{month}/{host}", service: "one", kind: "per-host" },
      { path: "{year}/{month}/{service}", kind: "per-service" },
    ]);
    expect(layout.match("2013/01/x")).toMatchObject({ service: "one", kind: "per-host" });
  });

  it("a month may stand before its year, and in the file name alone", () => {
    const layout = compileLayout([{ path: "{host}/{month}.{year}/{service}.{day}", kind: "per-host" }]);
    expect(layout.match("h/02.2013/syslog.05")).toEqual({
      named: { year: "2013", month: "02", day: "05" },
      host: "h",
      service: "syslog",
      kind: "per-host",
    });
  });

  it.each([
    ["{year}/{moth}/x", /\{moth\} is not a placeholder/],
    ["{year}/x", /does not contain \{month\}/],
    ["{day}/x", /has \{day\} and does not contain \{month\}/],
    ["{year}/{month}/**/x", /`\*\*`/],
    ["/{year}/{month}/x", /leading/],
    ["{year}/../{month}/x", /`\.\.`/],
    ["{year}//{month}/x", /empty/],
    ["{year}/{month}/{", /brace/],
  ])("%s is refused", (path, problem) => {
    expect(patternProblem(path)).toMatch(problem);
    expect(() => compileLayout([{ path, kind: "per-host" }])).toThrow(RangeError);
  });

  it("signs of regular expressions stand for themselves", () => {
    const layout = compileLayout([{ path: "a+(b)[c]^$|?/{year}-{month}.log", kind: "per-service" }]);
    expect(layout.match("a+(b)[c]^$|?/2013-01.log")).toMatchObject({
      named: { year: "2013", month: "01" },
      service: "2013-01",
    });
    expect(layout.match("aa(b)[c]^$|?/2013-01.log")).toBeUndefined();
  });
});

describe("paths that do not name a whole date", () => {
  it.each([
    ["{host}/{month}/{day}.log", "h/02/29.log", { named: { month: "02", day: "29" }, host: "h", service: "29" }],
    ["{host}/{month}/{day}.log", "h/02/30.log", undefined],
    ["{host}/{month}/{day}.log", "h/04/31.log", undefined],
    ["{host}/{service}", "h/syslog.1", { named: {}, host: "h", service: "syslog" }],
    ["*.log", "messages.log", { named: {}, service: "messages" }],
  ])("%s matches %s as %j", (path, file, expected) => {
    const match = compileLayout([{ path, kind: "per-host" }]).match(file);
    expect(match).toEqual(expected && { ...expected, kind: "per-host" });
  });

  it("say how their lines are encoded, where the pattern does", () => {
    const layout = compileLayout([{ path: "{service}", kind: "per-host", encoding: "iso-8859-2" }]);
    expect(layout.match("syslog")?.encoding).toBe("iso-8859-2");
  });
});

describe("directories on the way", () => {
  it.each([
    ["", [{}, {}, {}]],
    ["hosts", [{}, {}, {}]],
    ["hosts/2013", [{ year: "2013" }]],
    ["hosts/2013/01", [{ year: "2013", month: "01" }]],
    ["hosts/auth", [{}]],
    ["hosts/auth/2013", [{ year: "2013" }]],
    ["hosts/2013/01/h", [{ year: "2013", month: "01" }]],
    ["hosts/2013/01/h/deeper", []],
    ["elsewhere", []],
  ])("%j", (directory, expected) => expect(seed.enter(directory)).toEqual(expected));

  it("every directory above a match can be entered", () => {
    const digits = (n: number, width: number): string => String(n).padStart(width, "0");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1970, max: 2100 }),
        fc.string({ minLength: 1 }).filter((s) => !s.includes("/")),
        (month, year, host) => {
          const parts = ["hosts", digits(year, 4), digits(month, 2), host, "syslog"];
          expect(seed.match(parts.join("/"))?.host).toBe(host);
          for (let n = 0; n < parts.length; n++) {
            expect(seed.enter(parts.slice(0, n).join("/")).length).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});

it.each([
  ["a/syslog.gz", "a/syslog"],
  ["a/auth.log.20130114.7z", "a/auth.log.20130114"],
  ["a/syslog", "a/syslog"],
  ["a/syslog.GZ", "a/syslog"],
  ["a/syslog.gz.gz", "a/syslog.gz"],
  ["a/.gz", "a/.gz"],
  [".gz", ".gz"],
  ["a.gz/syslog", "a.gz/syslog"],
])("the compression suffix of %s", (path, expected) => expect(layoutPath(path)).toBe(expected));

it.each([
  ["auth.log", "auth"],
  ["kern.log", "kern"],
  ["syslog", "syslog"],
  ["syslog.1", "syslog"],
  ["mail.log-20130114", "mail"],
  [".log", ".log"],
])("the service of %s", (name, expected) => expect(serviceOf(name)).toBe(expected));
