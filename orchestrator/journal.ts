import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { NodeRole } from "../worker/contract/keys.ts";
import { GridError, StoreError } from "../worker/contract/errors.ts";
import type { Order } from "../worker/contract/spool.ts";
import type { CampaignEvent, CampaignState } from "./campaign.ts";
import type { PutBack, Shard } from "./loss/record.ts";

/**
 * The journal: every decision of a campaign, written down before it is acted on.
 *
 * One file for each fencing epoch, `000001.ndjson`, `000002.ndjson`, …: an orchestrator writes only the file of
 * its own epoch. The first record of a later epoch seals the earlier files at the length that its writer
 * read, so what a stale orchestrator still appends to its own file does not count.
 */
export type JournalEntry =
  | { readonly type: "created"; readonly campaign: string; readonly plan: string }
  | {
      readonly type: "owned";
      readonly pid: number;
      readonly host: string;
      /** Byte length, by file name, at which earlier epochs are cut. */
      readonly seals: Readonly<Record<string, number>>;
    }
  | {
      readonly type: "transition";
      readonly event: CampaignEvent;
      readonly from: CampaignState;
      readonly to: CampaignState;
      readonly reason?: string;
    }
  | {
      readonly type: "target";
      readonly dataNodes: number;
      readonly parsers: number;
      /** Absent for the configuration's own numbers. */
      readonly reason?: string;
    }
  /** What the campaign may cost from now on; null for as much as it takes. */
  | { readonly type: "budget"; readonly nodeHours: number | null }
  /** Nothing more is submitted. */
  | { readonly type: "budget-reached"; readonly nodeHours: number; readonly spent: number }
  | {
      readonly type: "submit-intent";
      readonly jobName: string;
      readonly role: NodeRole;
      /** The job whose place this one takes. */
      readonly replaces?: string;
    }
  | { readonly type: "submitted"; readonly jobName: string; readonly jobId: string; readonly found: boolean }
  /** qsub gave no answer: the job is looked up by its name. */
  | { readonly type: "submit-unanswered"; readonly jobName: string; readonly reason: string }
  | { readonly type: "submit-refused"; readonly jobName: string; readonly reason: string }
  /** The batch system runs the job. */
  | {
      readonly type: "started";
      readonly jobName: string;
      /** Not later than it was seen, however fast the batch system's clock is. */
      readonly startedAt: number;
      /** What the batch system said itself: another run under the same id says something else. */
      readonly told?: { readonly startedAt?: number; readonly restarts?: number };
      readonly queuedAt?: number;
      readonly hosts: readonly string[];
    }
  | { readonly type: "certified"; readonly jobName: string; readonly address: string; readonly instance?: string }
  /** The node works: it has registered, and a data node is a member of the cluster. */
  | { readonly type: "node-up"; readonly jobName: string }
  /** A data node's shards shall move away. The figures are those of this moment. */
  | {
      readonly type: "exclude";
      readonly jobName: string;
      readonly reason: string;
      readonly shards: number;
      readonly bytes: number;
    }
  /** An excluded data node holds no shards any more; parsers stop sending to it, then it is drained. */
  | { readonly type: "release"; readonly jobName: string }
  /** The node is dead, whatever the batch system says of its job. */
  | { readonly type: "job-lost"; readonly jobName: string; readonly how: string }
  /** The batch system runs the job once more under the same id; what its first life held is gone. */
  | { readonly type: "requeued"; readonly jobName: string; readonly how: string }
  | { readonly type: "quarantine"; readonly host: string; readonly until: number; readonly reason: string }
  | {
      readonly type: "breaker";
      readonly role: NodeRole;
      readonly state: "open" | "closed";
      readonly reason: string;
      /** When one job is submitted to try; only of an open one. */
      readonly probeAt?: number;
    }
  | { readonly type: "drain"; readonly jobName: string; readonly reason: string }
  | { readonly type: "job-cancel"; readonly jobName: string; readonly reason: string }
  | { readonly type: "job-ended"; readonly jobName: string; readonly exit: number | null; readonly how: string }
  /** Documents went with data nodes; the steps of loading them again follow. */
  | { readonly type: "shards-lost"; readonly shards: readonly Shard[]; readonly nodes: readonly string[] }
  /** What was lost waits in the spool again. */
  | ({ readonly type: "put-back" } & PutBack)
  /** How fast it may load from now on, and when; 0 and null for no limit. Without order and weight those of the configuration hold. */
  | {
      readonly type: "limits";
      readonly eventsPerSecond: number;
      readonly bytesPerSecond: number;
      readonly window: string | null;
      readonly order?: Order;
      readonly weight?: number;
    }
  /** What each parser may have on its way to the store from now on. */
  | {
      readonly type: "tuned";
      readonly bulkBytes: number;
      readonly requestsInFlight: number;
      readonly compressed?: true | undefined;
      readonly reason: string;
    }
  | { readonly type: "serve-until"; readonly until: number }
  | { readonly type: "command"; readonly id: string; readonly command: string; readonly args: unknown }
  | { readonly type: "step"; readonly name: string; readonly status: "started" | "done"; readonly result?: unknown }
  /** The change of state with this number is about to be told to whoever wants to know. */
  | { readonly type: "notify"; readonly transition: number }
  | { readonly type: "warning"; readonly text: string };

export type JournalRecord = JournalEntry & { readonly seq: number; readonly at: number; readonly epoch: number };

export interface Journal {
  readonly epoch: number;
  /** Everything that counts so far, earlier epochs included. Grows with each append. */
  readonly records: readonly JournalRecord[];
  /**
   * Written and synced when it resolves, and no later epoch had begun by then: whoever seals this file has read the record.
   * @throws StoreError `JOURNAL_UNWRITABLE`; GridError `CAMPAIGN_LOST` once fenced off, or when a later epoch has begun
   */
  append(entry: JournalEntry): Promise<JournalRecord>;
  /** Refuses everything from now on: another orchestrator owns the campaign. */
  fence(): void;
  close(): Promise<void>;
}

function fileOf(epoch: number): string {
  return `${String(epoch).padStart(6, "0")}.ndjson`;
}

/** The epoch of a journal file; 0 for other names. */
function epochOf(name: string): number {
  return Number(/^(\d{6})\.ndjson$/.exec(name)?.[1] ?? 0);
}

function lost(): GridError {
  return new GridError("CAMPAIGN_LOST", "another orchestrator has taken over this campaign; this one stops");
}

/** Reads all records that count, and the lengths at which each file would be sealed now. A torn last line is left out. */
export async function readJournal(
  dir: string,
): Promise<{ records: JournalRecord[]; seals: Record<string, number>; epoch: number }> {
  let names: string[];
  try {
    names = (await readdir(dir)).filter((name) => /^\d{6}\.ndjson$/.test(name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { records: [], seals: {}, epoch: 0 };
    throw error;
  }
  const parsed = new Map<string, { records: JournalRecord[]; ends: number[] }>();
  const seals: Record<string, number> = {};
  for (const name of names) {
    const bytes = await readFile(join(dir, name));
    const records: JournalRecord[] = [];
    const ends: number[] = [];
    for (let start = 0; ;) {
      const end = bytes.indexOf(10, start);
      if (end < 0) break;
      const record = parseRecord(bytes.toString("utf8", start, end));
      // Nobody acted on what follows a record that was never finished.
      if (!record) break;
      records.push(record);
      ends.push(end + 1);
      start = end + 1;
    }
    parsed.set(name, { records, ends });
    seals[name] = ends.at(-1) ?? 0;
  }
  // The first seal of a file counts: whoever sealed it has acted on exactly that much.
  const cuts = new Map<string, number>();
  for (const name of names) {
    const first = parsed.get(name)?.records[0];
    if (first?.type !== "owned") continue;
    for (const [file, length] of Object.entries(first.seals)) if (!cuts.has(file)) cuts.set(file, length);
  }
  const records: JournalRecord[] = [];
  for (const name of names) {
    const file = parsed.get(name);
    const cut = cuts.get(name) ?? Number.POSITIVE_INFINITY;
    file?.records.forEach((record, i) => {
      if ((file.ends[i] ?? 0) <= cut) records.push(record);
    });
    seals[name] = Math.min(seals[name] ?? 0, cut);
  }
  return { records, seals, epoch: Math.max(0, ...names.map((name) => Number(name.slice(0, 6)))) };
}

function parseRecord(line: string): JournalRecord | undefined {
  try {
    return JSON.parse(line) as JournalRecord;
  } catch {
    return undefined;
  }
}

/**
 * Opens the journal for a new epoch, which must be higher than every earlier one.
 * @throws GridError `CAMPAIGN_LOST` when the epoch's file exists: another orchestrator was faster
 */
export async function openJournal(dir: string, epoch: number, host: string): Promise<Journal> {
  await mkdir(dir, { recursive: true });
  let handle: FileHandle;
  try {
    handle = await open(
      join(dir, fileOf(epoch)),
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND,
      0o644,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new GridError(
        "CAMPAIGN_LOST",
        `epoch ${String(epoch)} of ${dir} is taken: another orchestrator owns this campaign`,
      );
    }
    throw new StoreError("JOURNAL_UNWRITABLE", `cannot write the journal in ${dir}; make the directory writable`, {
      cause: error,
    });
  }
  // Read once the file is there: an earlier epoch's writer that did not see it after its record is read here with that record.
  const { records, seals } = await readJournal(dir);
  // Not this epoch's own.
  delete seals[fileOf(epoch)];
  const hasSuccessor = async (): Promise<boolean> => (await readdir(dir)).some((name) => epochOf(name) > epoch);
  let fenced = false;
  /** Bytes of whole records. */
  let length = 0;
  let tail: Promise<unknown> = Promise.resolve();
  const append = async (entry: JournalEntry): Promise<JournalRecord> => {
    if (fenced) throw lost();
    const record: JournalRecord = { ...entry, seq: (records.at(-1)?.seq ?? 0) + 1, at: Date.now(), epoch };
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      // What an append that failed has left would join with this record to a line that nobody can read.
      await handle.truncate(length);
      await handle.appendFile(line);
      await handle.datasync();
      length += line.length;
    } catch (error) {
      throw new StoreError("JOURNAL_UNWRITABLE", `cannot append to the journal in ${dir}; is the disk full?`, {
        cause: error,
      });
    }
    // This process may have been stopped for longer than its sign of life lasted.
    if (await hasSuccessor()) {
      fenced = true;
      throw lost();
    }
    records.push(record);
    return record;
  };
  const journal: Journal = {
    epoch,
    records,
    append(entry) {
      const next = tail.then(() => append(entry));
      tail = next.catch(() => undefined);
      return next;
    },
    fence() {
      fenced = true;
    },
    async close() {
      await tail;
      await handle.close();
    },
  };
  await journal.append({ type: "owned", pid: process.pid, host, seals });
  return journal;
}
