import { expect, it } from "vitest";
import { originsOf, plannedFiles, shortId, type FileFacts } from "../../../orchestrator/planned-files.ts";
import type { PlannedSource } from "../../../orchestrator/plan.ts";

const PINNED = {
  timeZone: "UTC",
  hostZones: [{ host: "10.1.*", timeZone: "Europe/Prague" }],
  indexPattern: "logs-{day}-m{month}-r{revision}",
  revision: 2,
  repeated: "expand",
  ids: "store",
} as const;
const FACTS: FileFacts = { path: "2013/01/10.1.0.1/syslog", month: "2013-01", service: "syslog", dropPrograms: [] };
const plain = (file: string): PlannedSource => ({ kind: "plain", file, size: 5e9, mtimeMs: 1.5 });

it.each<[string, FileFacts, PlannedSource]>([
  ["as little as there is", FACTS, plain(FACTS.path)],
  [
    "all that there is",
    {
      ...FACTS,
      day: "2013-01-04",
      lastDay: "2013-01-06",
      collector: "10.1.0.1",
      encoding: "latin1",
      dropPrograms: ["sshd", "su"],
    },
    plain(FACTS.path),
  ],
  ["no directory", { ...FACTS, path: "syslog" }, plain("syslog")],
  ["a place that its identity does not name", FACTS, plain("elsewhere/syslog")],
  ["a member of an archive", FACTS, { kind: "packed", unpackId: "u", member: "syslog", size: 7 }],
])("a kept file says what was said of it: %s", (_, facts, source) => {
  const file = plannedFiles(PINNED)(facts, source);
  expect(file.origin).toEqual(originsOf(PINNED)(facts));
  expect(file.origin.fileId).toBe(shortId(facts.path));
  expect(file.source).toEqual(source);
  expect(file.day).toBe(facts.day);
});

it("files that share what they have in common do not share what they have not", () => {
  const fileOf = plannedFiles(PINNED);
  const paths = ["a/x", "a/y", "b/x", "b/y", "b/y/x"];
  const files = paths.map((path, n) =>
    fileOf({ ...FACTS, path, collector: `h${String(n % 2)}` }, plain(path), `id${String(n)}`),
  );
  expect(files.map(({ origin }) => [origin.path, origin.collector, origin.fileId])).toEqual(
    paths.map((path, n) => [path, `h${String(n % 2)}`, `id${String(n)}`]),
  );
  files[0]?.origin.dropPrograms.push("sshd");
  expect(files[1]?.origin.dropPrograms).toEqual([]);
});

it("more paths than are kept by their parts are right too", () => {
  const fileOf = plannedFiles(PINNED);
  for (let n = 0; n < 210_000; n++) {
    const path = `${String(n)}/${String(n)}.log`;
    const file = fileOf({ ...FACTS, path }, plain(path), "i");
    if (n % 30_000 === 0) expect(file.source).toEqual(plain(path));
  }
});
