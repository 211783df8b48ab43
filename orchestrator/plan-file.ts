import { createReadStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { ConfigError } from "../worker/contract/errors.ts";
import { IDS } from "../worker/contract/ids.ts";
import { ruleFieldSchema, rulesSchema } from "../worker/contract/rules.ts";
import { AGAIN_MODES } from "./revisions/again.ts";
import { costsSchema } from "./simulation/costs.ts";
import { writePieces } from "./write-pieces.ts";
import { planId, type Plan, type PlannedFile } from "./plan.ts";
import { plannedFiles } from "./planned-files.ts";

/**
 * A plan on disk: JSON, one line for each file, what all files share written once. Versioned and checked when read.
 */

const fileSchema = z.strictObject({
  id: z.string().regex(/^[0-9a-v]{12}$/),
  path: z.string().min(1),
  month: z.string().regex(/^\d{4}-\d{2}$/),
  day: z.string().optional(),
  lastDay: z.string().optional(),
  encoding: z.string().optional(),
  service: z.string(),
  collector: z.string().optional(),
  drop: z.array(z.string()).optional(),
  source: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("plain"), file: z.string(), size: z.int(), mtimeMs: z.number() }),
    z.strictObject({ kind: z.literal("packed"), unpackId: z.string(), member: z.string(), size: z.int().optional() }),
  ]),
  carried: z.strictObject({ length: z.int().optional() }).optional(),
});

const againSchema = z.strictObject({
  mode: z.enum(AGAIN_MODES),
  campaign: z.string(),
  revision: z.int().positive(),
  indexPattern: z.string(),
  snapshot: z.string(),
  repository: z.string(),
  files: z.strictObject({
    new: z.int(),
    changed: z.int(),
    partial: z.int(),
    rules: z.int(),
    loaded: z.int(),
    carried: z.int(),
    gone: z.int(),
    leftOut: z.int(),
  }),
  documents: z.int(),
  chunks: z.int(),
  indexBytes: z.int(),
});

const pair = z.tuple([z.number(), z.number()]);
const side = z.strictObject({ service: z.string(), files: z.int(), bytes: z.number() });

const problem = z.strictObject({ path: z.string(), code: z.string(), problem: z.string(), remedy: z.string() });

const planSchema = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{12}$/),
  months: z.array(z.string().regex(/^\d{4}-\d{2}$/)).nonempty(),
  root: z.string(),
  pinned: z.strictObject({
    pipeline: z.string(),
    timeZone: z.string(),
    hostZones: z.array(z.strictObject({ host: z.string(), timeZone: z.string() })).default([]),
    indexPattern: z.string(),
    revision: z.int().positive(),
    chunkBytes: z.int().positive(),
    repeated: z.enum(["count", "expand"]).default("count"),
    // Plans of versions that knew no other.
    ids: z.enum(IDS).default("derived"),
  }),
  rules: rulesSchema,
  fields: z.array(ruleFieldSchema),
  groups: z.array(
    z.strictObject({
      month: z.string(),
      kind: z.enum(["per-host", "per-service"]),
      service: z.string(),
      files: z.int(),
      bytes: z.number(),
      loadedFiles: z.int(),
      loadedBytes: z.number(),
      compressed: z.int(),
      empty: z.int(),
      skipped: z.array(z.strictObject({ reason: z.string(), files: z.int() })),
      dropPrograms: z.array(z.string()),
    }),
  ),
  overlaps: z.array(
    z.strictObject({
      month: z.string(),
      perService: side,
      perHost: side,
      programs: z.array(z.string()).optional(),
      resolution: z.string(),
      missingDays: z.array(z.string()),
    }),
  ),
  empty: z.int(),
  problems: z.array(problem),
  notes: z.array(problem).default([]),
  unmatched: z.array(z.string()),
  again: againSchema.optional(),
  estimate: z
    .strictObject({
      lines: z.number(),
      documents: z.number(),
      bytes: z.number(),
      indexBytes: z.number(),
      chunks: z.number(),
      indicesPerChunk: z.number().default(1),
      seconds: z.number(),
      loadSeconds: z.number(),
      range: z.strictObject({ seconds: pair, loadSeconds: pair }),
      limit: z.string(),
      nodeHours: z.strictObject({ dataNodes: z.number(), parsers: z.number(), total: z.number() }),
      nodes: z.strictObject({ dataNodes: z.int(), parsers: z.int() }),
      basis: z.strictObject({ parser: z.string(), store: z.string(), machine: z.string() }),
      microsPerLine: z.number(),
      microsPerDocument: z.number(),
      simulated: z.strictObject({
        files: z.array(
          z.strictObject({ count: z.int(), bytes: z.number(), packed: z.boolean(), indicesPerChunk: z.number() }),
        ),
        indices: z.int(),
        months: z.array(z.string()),
        costs: costsSchema,
      }),
    })
    .optional()
    // That of another version is left out: it decides nothing.
    .catch(undefined),
  unpacks: z.array(
    z.strictObject({
      id: z.string(),
      format: z.enum(["gzip", "7z"]),
      file: z.string(),
      size: z.int(),
      mtimeMs: z.number(),
      stream: z.array(z.strictObject({ member: z.string(), size: z.int() })),
    }),
  ),
  files: z.array(fileSchema),
});

/** The text of a plan file in pieces, so that a large plan never stands in memory as one text. */
export function* planText(plan: Plan): Generator<string> {
  const { files, unpacks, ...rest } = plan;
  const head = JSON.stringify({ version: 1, ...rest });
  yield `${head.slice(0, -1)},\n"unpacks":[`;
  for (const [i, unpack] of unpacks.entries()) yield `${i > 0 ? "," : ""}\n${JSON.stringify(unpack)}`;
  yield `],\n"files":[`;
  for (const [i, file] of files.entries()) yield `${i > 0 ? "," : ""}\n${JSON.stringify(compact(file))}`;
  yield "]}\n";
}

function compact({ origin, source, day, carried }: PlannedFile): z.input<typeof fileSchema> {
  return {
    id: origin.fileId,
    path: origin.path,
    month: origin.month,
    ...(day === undefined ? {} : { day }),
    ...(origin.lastDay === undefined ? {} : { lastDay: origin.lastDay }),
    ...(origin.encoding === undefined ? {} : { encoding: origin.encoding }),
    service: origin.service,
    ...(origin.collector === undefined ? {} : { collector: origin.collector }),
    ...(origin.dropPrograms.length === 0 ? {} : { drop: origin.dropPrograms }),
    source,
    ...(carried === undefined ? {} : { carried }),
  };
}

/**
 * Writes a plan: complete or not at all. Directories are made as needed.
 * @throws ConfigError `PLAN_UNWRITABLE`
 */
export async function writePlan(path: string, plan: Plan): Promise<void> {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writePieces(unfinished, planText(plan));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw new ConfigError(
      "PLAN_UNWRITABLE",
      `the plan cannot be written to ${path} (${(error as Error).message}); name a file in a directory with room that you may write to: \`plan --out FILE\`, or another stateDir`,
      { context: { file: path } },
    );
  }
}

/**
 * @throws ConfigError `PLAN_UNREADABLE` naming the file and what is wrong with it. Whoever changes what a plan loads changes its id;
 *   a file that does not say so is no plan.
 */
export async function readPlan(path: string): Promise<Plan> {
  const unusable = (problem: string, cause?: unknown): ConfigError =>
    new ConfigError("PLAN_UNREADABLE", `${path} ${problem}; make it again with \`gridharvest plan\``, {
      context: { file: path },
      ...(cause === undefined ? {} : { cause }),
    });
  const checked = <T>(schema: z.ZodType<unknown>, text: string): T => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw unusable("is not a plan file", error);
    }
    const parsed = schema.safeParse(value);
    // `undefined` never comes out of JSON: optional keys are there or not.
    if (parsed.success) return parsed.data as T;
    const issue = parsed.error.issues[0];
    throw unusable(`is not a plan of this version (${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""})`);
  };
  const files: PlannedFile[] = [];
  let head = "";
  let rest: Omit<StoredPlan, "version" | "files"> | undefined;
  let keep: ((file: StoredFile) => void) | undefined;
  const readHead = (text: string): void => {
    const { version: _version, files: among, ...others } = checked<StoredPlan>(planSchema, text);
    rest = others;
    const fileOf = filesOf(others.pinned);
    keep = (file) => void files.push(fileOf(file));
    among.forEach(keep);
  };
  try {
    // A file a line, so that a million of them never stand in memory as text.
    for await (const line of linesOf(path)) {
      if (keep) {
        const text = line.endsWith(",") ? line.slice(0, -1) : line.replace(/\]\}$/, "");
        if (text !== "") keep(checked<StoredFile>(fileSchema, text));
      } else if (line === FILES_BEGIN) readHead(`${head}${FILES_BEGIN}]}`);
      else head += `${line}\n`;
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unusable("cannot be read", error);
  }
  // Somebody may have laid it out otherwise.
  if (!rest) readHead(head);
  const plan: Plan = { ...rest!, files };
  if (planId(plan) !== plan.id) throw unusable("was changed by hand: its id is not that of its content");
  return plan;
}

/** What stands on the line before the first file. */
const FILES_BEGIN = '"files":[';

/** Lines as `planText` ends them: other line ends may stand in a path. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const piece of createReadStream(path, { encoding: "utf8", highWaterMark: 2 ** 20 })) {
    const lines = (rest + (piece as string)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** Makes planned files of stored ones. */
function filesOf(pinned: Plan["pinned"]): (file: StoredFile) => PlannedFile {
  const fileOf = plannedFiles(pinned);
  return ({ id, drop = [], source, carried, ...facts }) =>
    fileOf({ ...facts, dropPrograms: drop }, source, id, carried);
}

/** A plan as it stands in its file. */
type StoredPlan = Omit<Plan, "files"> & { readonly version: 1; readonly files: readonly StoredFile[] };

interface StoredFile {
  readonly id: string;
  readonly path: string;
  readonly month: string;
  readonly day?: string;
  readonly lastDay?: string;
  readonly encoding?: string;
  readonly service: string;
  readonly collector?: string;
  readonly drop?: string[];
  readonly source: PlannedFile["source"];
  readonly carried?: { readonly length?: number };
}
