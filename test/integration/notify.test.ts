import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { configSchema } from "../../orchestrator/config-schema.ts";
import { openJournal, type Journal, type JournalEntry } from "../../orchestrator/journal.ts";
import { createLog } from "../../orchestrator/log.ts";
import { createNotifier, type Notifier } from "../../orchestrator/notify/notifier.ts";
import { applyRecord, viewOf, type CampaignView } from "../../orchestrator/view.ts";
import { privateStateDir, waitFor } from "../support/index.ts";

/** Changes of state, told to a real HTTP server and to a program that stands where sendmail does. */

const root = privateStateDir("notify");
const log = createLog({ level: "error" });
const links = { directory: "/d", log: "/d/log", report: "/d/report.md" };
const quick = { attemptMs: 2_000, pausesMs: [10, 20, 30] };

interface Call {
  readonly headers: IncomingMessage["headers"];
  readonly body: { readonly id: string; readonly from: string; readonly to: string; readonly reason?: string };
}

let calls: Call[];
let answer: (response: ServerResponse, nth: number) => void;
const server = createServer((request, response) => {
  let text = "";
  request.on("data", (data: Buffer) => (text += String(data)));
  request.on("end", () => {
    calls.push({ headers: request.headers, body: JSON.parse(text) as Call["body"] });
    answer(response, calls.length);
  });
});
const status =
  (...codes: readonly number[]) =>
  (response: ServerResponse, nth: number): void =>
    void response.writeHead(codes[nth - 1] ?? 204).end();

let dirs = 0;
let dir: string;
let url: string;
beforeEach(async () => {
  calls = [];
  answer = status();
  dir = join(root, String(++dirs));
  mkdirSync(dir);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hooks/a-secret-path`;
});
afterEach(async () => {
  server.closeAllConnections();
  if (server.listening) await new Promise((done) => server.close(done));
});

interface Told {
  readonly view: CampaignView;
  readonly journal: Journal;
  readonly notifier: Notifier;
  write(entry: JournalEntry): Promise<void>;
}

/** An orchestrator's part of it, on a journal in the test's directory. */
async function orchestrator(epoch: number, notify: unknown, policy = quick): Promise<Told> {
  const config = configSchema.parse({ notify }).notify;
  const journal = await openJournal(join(dir, "journal"), epoch, "here");
  const view = viewOf(journal.records);
  const write = async (entry: JournalEntry): Promise<void> => applyRecord(view, await journal.append(entry));
  const { records } = journal;
  const notifier = createNotifier({ campaign: "january", config, links, records, view, decide: write, log, policy });
  return { view, journal, notifier, write };
}

const held: JournalEntry = { type: "transition", event: "hold", from: "running", to: "held", reason: "sums differ" };
const done: JournalEntry = { type: "transition", event: "torn-down-done", from: "tearing-down", to: "done" };
const running: JournalEntry = { type: "transition", event: "resume", from: "held", to: "running" };

it("a change of state is posted, others than the wanted are not", async () => {
  writeFileSync(join(dir, "headers"), "Authorization: Bearer xyz\n");
  const told = await orchestrator(1, { webhook: { url, headersFile: join(dir, "headers") } });
  await told.write(held);
  await told.write(running);
  told.notifier.look();
  await told.write(done);
  await told.notifier.settle(10_000);
  expect(calls.map(({ body }) => body)).toEqual([
    expect.objectContaining({ campaign: "january", from: "running", to: "held", reason: "sums differ", links }),
    expect.objectContaining({ from: "tearing-down", to: "done" }),
  ]);
  expect(calls[0]?.headers).toMatchObject({ authorization: "Bearer xyz", "content-type": "application/json" });
  expect(told.view.warnings).toEqual([]);
  await told.journal.close();
});

it("is tried again while the webhook says that it is away", async () => {
  answer = status(503, 429, 200);
  const told = await orchestrator(1, { webhook: { url } });
  await told.write(done);
  await told.notifier.settle(10_000);
  expect(calls.map(({ body }) => body.id)).toEqual(Array(3).fill("january/2"));
  expect(told.view.warnings).toEqual([]);
  await told.journal.close();
});

it.each<[string, () => void, number, RegExp]>([
  ["refuses", () => (answer = status(404)), 1, /attempts: 1\): it answered 404/],
  ["sends elsewhere", () => (answer = (r) => void r.writeHead(302, { location: url }).end()), 1, /it answered 302/],
  ["stays away", () => (answer = status(500, 500, 500, 500)), 4, /attempts: 4\): it answered 500/],
  ["is not there", () => void server.close(), 0, /attempts: 4\): fetch failed: .*ECONNREFUSED/],
])("a webhook that %s is a warning in the journal, without its path", async (_, prepare, attempts, text) => {
  prepare();
  const told = await orchestrator(1, { webhook: { url } });
  await told.write(done);
  await told.notifier.settle(30_000);
  expect(calls).toHaveLength(attempts);
  expect(told.view.warnings).toEqual([expect.stringMatching(text)]);
  expect(told.view.warnings[0]).toMatch(/^the webhook at http:\/\/127\.0\.0\.1:\d+ could not be told/);
  expect(told.view.warnings[0]).not.toContain("a-secret-path");
  await told.journal.close();
});

it("a webhook that never answers keeps nobody longer than there is patience", async () => {
  answer = () => undefined;
  const told = await orchestrator(1, { webhook: { url } }, { attemptMs: 600_000, pausesMs: [600_000] });
  await told.write(done);
  told.notifier.look();
  await waitFor("the request", () => calls.length === 1);
  await told.notifier.settle(50);
  expect(told.view.warnings).toEqual([expect.stringMatching(/attempts: 1\): there was no more time/)]);
  await told.journal.close();
});

it("is told once, however often the campaign is taken up", async () => {
  const first = await orchestrator(1, { webhook: { url } });
  await first.write(held);
  await first.notifier.settle(10_000);
  // This one is killed before it tells of it.
  await first.write(done);
  await first.notifier.settle(0);
  expect(calls.map(({ body }) => body.to)).toEqual(["held"]);
  await first.journal.close();

  const second = await orchestrator(2, { webhook: { url } });
  await second.notifier.settle(10_000);
  expect(calls.map(({ body }) => body.to)).toEqual(["held", "done"]);
  await second.journal.close();

  const third = await orchestrator(3, { webhook: { url } });
  await third.notifier.settle(10_000);
  expect(calls).toHaveLength(2);
  await third.journal.close();
});

/** A program on PATH that keeps its arguments and its input, and ends as the test says. */
function fakeSendmail(body: string): void {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "sendmail"), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${dir}/arguments\n${body}\n`);
  chmodSync(join(bin, "sendmail"), 0o755);
  process.env["PATH"] = `${bin}${delimiter}${process.env["PATH"] ?? ""}`;
}
const path = process.env["PATH"];
afterEach(() => void (process.env["PATH"] = path));
const mail = { to: ["ops@example.org"], from: "grid@example.org" };

it("a mail goes to sendmail, beside the webhook", async () => {
  fakeSendmail(`cat > ${dir}/message`);
  const told = await orchestrator(1, { webhook: { url }, mail });
  await told.write(held);
  await told.notifier.settle(30_000);
  expect(readFileSync(join(dir, "arguments"), "utf8")).toBe("-oi -t\n");
  const message = readFileSync(join(dir, "message"), "utf8");
  expect(message).toMatch(/^From: grid@example\.org\nTo: ops@example\.org\nSubject: gridharvest: january is held\n/);
  expect(Buffer.from(message.split("\n\n")[1] ?? "", "base64").toString()).toContain("sums differ");
  expect(calls).toHaveLength(1);
  await told.journal.close();
});

it("a sendmail that fails is tried again, and then a warning", async () => {
  fakeSendmail("cat > /dev/null; echo the queue is full >&2; exit 75");
  const told = await orchestrator(1, { mail });
  await told.write(held);
  await told.notifier.settle(30_000);
  expect(readFileSync(join(dir, "arguments"), "utf8")).toBe("-oi -t\n".repeat(4));
  expect(told.view.warnings).toEqual([
    `the mail to ops@example.org could not be told that the campaign is held (attempts: 4): ${join(dir, "bin/sendmail")} ended with 75: the queue is full`,
  ]);
  await told.journal.close();
});

it("a sendmail that is not there is a warning at once", async () => {
  const told = await orchestrator(1, { mail: { ...mail, sendmail: join(dir, "nowhere") } });
  await told.write(held);
  await told.notifier.settle(30_000);
  expect(existsSync(join(dir, "arguments"))).toBe(false);
  expect(told.view.warnings).toEqual([expect.stringMatching(/attempts: 1\): .*nowhere cannot be run$/)]);
  await told.journal.close();
});
