import { expect, it } from "vitest";
import type { InventoryFile } from "../../../orchestrator/inventory.ts";
import { compareFiles, listedFiles } from "../../../orchestrator/listed-files.ts";
import { resolveClashes } from "../../../orchestrator/overlap.ts";

const FILE: InventoryFile = {
  path: "2013/01/10.1.0.1/syslog",
  identity: "2013/01/10.1.0.1/syslog",
  place: "2013/01/10.1.0.1/syslog",
  format: "plain",
  size: 5e9,
  mtimeMs: 1.5,
  month: "2013-01",
  service: "syslog",
  kind: "per-host",
  dropPrograms: [],
};
const MEMBER: InventoryFile = {
  ...FILE,
  path: "2013/01/a.7z",
  member: "10.1.0.1/syslog",
  identity: "2013/01/a/10.1.0.1/syslog",
  format: "7z",
};

const KEYS = [
  ...["path", "member", "identity", "place", "format", "size", "mtimeMs", "month", "day", "lastDay", "service"],
  ...["collector", "kind", "encoding", "skipped", "dropPrograms"],
] as readonly (keyof InventoryFile)[];
const said = (file: InventoryFile) => KEYS.map((key) => [key, file[key]]);

it.each<[string, InventoryFile]>([
  ["as little as there is", FILE],
  [
    "all that there is",
    {
      ...FILE,
      ...{ day: "2013-01-04", lastDay: "2013-01-06", collector: "10.1.0.1", encoding: "latin1", skipped: "clash" },
      dropPrograms: ["sshd", "su"],
    },
  ],
  ["no directory", { ...FILE, path: "syslog", identity: "syslog", place: "syslog" }],
  ["a compressed file", { ...FILE, path: `${FILE.path}.gz`, format: "gzip" }],
  ["a member of an archive", MEMBER],
])("a listed file says what was said of it: %s", (_, file) => {
  expect(said(listedFiles()(file))).toEqual(said(file));
});

it("changes are of the one file that is made with them", () => {
  const fileOf = listedFiles();
  const file = fileOf(FILE);
  const programs = ["pbs_mom"];
  expect(said(fileOf(file, { skipped: "why" }))).toEqual(said({ ...FILE, skipped: "why" }));
  expect(said(fileOf(file, { dropPrograms: programs }))).toEqual(said({ ...FILE, dropPrograms: programs }));
  expect(said(file)).toEqual(said(FILE));
});

it("files stand in the order of their paths, whatever directories lie in others", () => {
  const fileOf = listedFiles();
  const names = [
    "a",
    "a/b",
    "a-b/c",
    "a.b",
    "a/b/c",
    "a/b.gz",
    "a/b/",
    "a0",
    "",
    "a/",
    "a/a/z",
    "b",
    "é/x",
    "a/é",
    "a/b-c/d",
  ];
  const paths = names.flatMap((directory) =>
    ["x", "a", "c", "-"].map((name) => (directory === "" ? name : `${directory}/${name}`)),
  );
  const files = paths.map((path) => fileOf({ ...FILE, path }));
  expect(files.sort(compareFiles).map(({ path }) => path)).toEqual(paths.sort());
});

it.each<[string, readonly InventoryFile[], boolean]>([
  ["a plain file beside its compressed one", [FILE, { ...FILE, path: `${FILE.path}.gz`, format: "gzip" }], true],
  ["the same the other way round", [{ ...FILE, path: `${FILE.path}.gz`, format: "gzip" }, FILE], true],
  [
    "two compressed ones",
    [
      { ...FILE, path: `${FILE.path}.gz`, format: "gzip" },
      { ...FILE, path: `${FILE.path}.Z`, format: "plain" },
    ],
    true,
  ],
  ["a member in the place of a file", [MEMBER, FILE], true],
  [
    "two members of one archive in other places",
    [MEMBER, { ...MEMBER, member: "b", identity: "2013/01/a/b", place: "b" }],
    false,
  ],
  ["files of other names", [FILE, { ...FILE, path: "x", identity: "x", place: "x" }], false],
  ["a file that is not loaded", [FILE, { ...FILE, path: `${FILE.path}.gz`, skipped: "why" }], false],
])("clashes are seen: %s", (_, files, clash) => {
  const fileOf = listedFiles();
  const settle = () =>
    resolveClashes(
      files.map((file) => fileOf(file)),
      "refuse",
    );
  if (clash) expect(settle).toThrow(/more than once/);
  else expect(settle().map(said)).toEqual(files.map(said));
});
