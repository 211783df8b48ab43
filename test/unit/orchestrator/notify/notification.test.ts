import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JournalEntry, JournalRecord } from "../../../../orchestrator/journal.ts";
import { mailText } from "../../../../orchestrator/notify/mail.ts";
import { notificationOf, pendingTransitions, type Transition } from "../../../../orchestrator/notify/notification.ts";
import { configSchema } from "../../../../orchestrator/config-schema.ts";
import { notifyProblems } from "../../../../orchestrator/notify/problems.ts";
import { readHeaders } from "../../../../orchestrator/notify/webhook.ts";

const links = { directory: "/c/january", log: "/c/january/orchestrator.log", report: "/c/january/report.md" };
const held: Transition = {
  type: "transition",
  event: "hold",
  from: "running",
  to: "held",
  reason: "kapku míň než půlka\nSubject: something else",
  seq: 17,
  at: Date.UTC(2026, 2, 1, 6),
  epoch: 1,
};
const news = notificationOf("january", held, links);

it("news is what a webhook gets", () => {
  expect(news).toEqual({
    id: "january/17",
    campaign: "january",
    from: "running",
    to: "held",
    event: "hold",
    reason: held.reason,
    at: "2026-03-01T06:00:00.000Z",
    links,
  });
});

describe("what is still to be told", () => {
  const move = (to: Transition["to"]): JournalEntry => ({ type: "transition", event: "start", from: "planned", to });
  const records: JournalRecord[] = [
    move("booting"),
    move("running"),
    { type: "notify", transition: 2 } as const,
    move("held"),
    move("running"),
    move("done"),
  ].map((entry, i) => ({ ...entry, seq: i + 1, at: 0, epoch: 1 }));
  const told = (upTo: number, ...on: Transition["to"][]): number[] =>
    pendingTransitions(records, upTo, on).map(({ seq }) => seq);

  it.each<[string, number[], number[]]>([
    ["is every change to one of the states, in order", told(0, "running", "done"), [2, 5, 6]],
    ["is nothing that was told, also by another orchestrator", told(2, "running", "held"), [4, 5]],
    ["is nothing at all once the last one was told", told(6, "done"), []],
    ["is nothing when nobody wants to know", told(0), []],
  ])("%s", (_, found, expected) => expect(found).toEqual(expected));
});

describe("a mail", () => {
  const mail = { to: ["ops@example.org", "root"], from: "grid@example.org" };
  const text = mailText(mail, news);
  const [head = "", body = ""] = text.split("\n\n");

  it("has a head that no reason can add to", () => {
    expect(head.split("\n")).toEqual([
      "From: grid@example.org",
      "To: ops@example.org, root",
      "Subject: gridharvest: january is held",
      "Date: Sun, 01 Mar 2026 06:00:00 +0000",
      "Message-ID: <january.17.1772344800000@gridharvest>",
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: base64",
    ]);
  });

  it("says what, since when, why and where to look", () => {
    expect(Math.max(...body.split("\n").map((line) => line.length))).toBeLessThanOrEqual(76);
    expect(Buffer.from(body, "base64").toString())
      .toBe(`Campaign january is now held (before: running), since 2026-03-01T06:00:00.000Z.

kapku míň než půlka
Subject: something else

Look at it:  gridharvest status january
Why so:      gridharvest why january
Report:      /c/january/report.md
Log:         /c/january/orchestrator.log
`);
  });
});

describe("a configuration that names who is told", () => {
  const problemsOf = (notify: unknown): readonly string[] =>
    notifyProblems(configSchema.parse({ notify })).map(({ path }) => path);

  it.each<[string, unknown, readonly string[]]>([
    ["is sound", { webhook: { url: "https://a.b/c?d" }, mail: { to: ["a@b", "root"], from: "c+d@e.f" } }, []],
    ["names nobody", {}, []],
    ["has an address of another kind", { webhook: { url: "ftp://a" } }, ["notify.webhook.url"]],
    ["has no address", { webhook: { url: "a.b/c" } }, ["notify.webhook.url"]],
    ["has two in one", { mail: { to: ["a@b, c@d"], from: "e@f" } }, ["notify.mail.to.0"]],
    ["breaks a line", { mail: { to: ["a@b"], from: "c@d\nBcc:x@y" } }, ["notify.mail.from"]],
    ["has a name before the address", { mail: { to: ["a@b", "A <a@b>"], from: "c@d" } }, ["notify.mail.to.1"]],
  ])("%s", (_, notify, paths) => expect(problemsOf(notify)).toEqual(paths));
});

describe("a webhook's headers", () => {
  let dir = "";
  beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "gridharvest-headers-"))));
  afterAll(() => rm(dir, { recursive: true }));
  const of = async (text: string): Promise<unknown> => {
    await writeFile(join(dir, "headers"), text);
    const read = await readHeaders(join(dir, "headers"));
    return typeof read === "string" ? read.replace(dir, "") : read;
  };

  it("are lines, with comments and blank ones between", async () => {
    expect(await of("# our key\nAuthorization: Bearer a:b \n\nX-Tag:1\n")).toEqual({
      authorization: "Bearer a:b",
      "x-tag": "1",
    });
  });

  it.each(["Authorization Bearer secret", ": secret", "X Y: secret", "X:\u0001secret", "X:"])(
    "%j is none, and its value is not shown",
    async (line) => expect(await of(`A: b\n${line}\n`)).toBe("line 2 of /headers is no header; write Name: value"),
  );

  it("of a file that is not there are a problem, no fault", async () => {
    expect(await readHeaders(join(dir, "elsewhere"))).toMatch(/headersFile cannot be read: ENOENT/);
  });
});
