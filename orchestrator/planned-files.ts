import { createHash } from "node:crypto";
import type { Origin } from "../worker/contract/chunk.ts";
import { compileHostZones } from "../worker/contract/host-zones.ts";
import type { YearMonth } from "../worker/contract/months.ts";
import type { Pinned, PlannedFile, PlannedSource } from "./plan.ts";
import { SharedTexts } from "./shared-texts.ts";

const BASE32HEX = "0123456789abcdefghijklmnopqrstuv";

/** The short id of a path: the first 60 bits of its SHA-256 as 12 characters of base32hex. */
export function shortId(path: string): string {
  let bits = createHash("sha256").update(path).digest().readBigUInt64BE(0) >> 4n;
  let id = "";
  for (let i = 0; i < 12; i++) {
    id = (BASE32HEX[Number(bits & 31n)] ?? "") + id;
    bits >>= 5n;
  }
  return id;
}

type PinnedForFiles = Omit<Pinned, "pipeline" | "chunkBytes">;

/** What a plan knows of a file that decides what becomes of its lines. */
export interface FileFacts {
  /** Its identity. */
  readonly path: string;
  readonly month: YearMonth;
  readonly day?: string | undefined;
  readonly lastDay?: string | undefined;
  readonly service: string;
  readonly collector?: string | undefined;
  readonly encoding?: string | undefined;
  readonly dropPrograms: readonly string[];
}

/** Makes origins of a plan's files from what is pinned for all of them. @param fileId known already */
export function originsOf(pinned: PinnedForFiles) {
  const index = { pattern: pinned.indexPattern, revision: pinned.revision };
  const zoneOf = compileHostZones(pinned.hostZones);
  const hostZones = pinned.hostZones.length === 0 ? {} : { hostZones: [...pinned.hostZones] };
  const repeated = pinned.repeated === "expand" ? { repeated: pinned.repeated } : {};
  const ids = pinned.ids === "store" ? { ids: pinned.ids } : {};
  return (
    { path, month, day, lastDay, service, collector, encoding, dropPrograms }: FileFacts,
    fileId: string = shortId(path),
  ): Origin => ({
    fileId,
    path,
    month,
    firstDay: day ?? `${month}-01`,
    ...(lastDay === undefined ? {} : { lastDay }),
    timeZone: zoneOf(collector) ?? pinned.timeZone,
    ...hostZones,
    ...(encoding === undefined ? {} : { encoding }),
    ...repeated,
    ...ids,
    service,
    ...(collector === undefined ? {} : { collector }),
    index,
    dropPrograms: [...dropPrograms],
  });
}

/** What many files of a plan agree on. */
interface Common extends Omit<FileFacts, "path" | "collector"> {
  readonly pinned: PinnedForFiles;
}

const makers = new WeakMap<PinnedForFiles, ReturnType<typeof originsOf>>();
function makerFor(pinned: PinnedForFiles): ReturnType<typeof originsOf> {
  const known = makers.get(pinned) ?? originsOf(pinned);
  makers.set(pinned, known);
  return known;
}

/** A planned file as it is kept: what it alone has, and what others have too by reference. Everything else is made when it is asked for. */
class KeptFile implements PlannedFile {
  readonly common: Common;
  readonly directory: string;
  readonly name: string;
  readonly fileId: string;
  readonly collector: string | undefined;
  readonly size: number;
  readonly mtimeMs: number;
  /** Undefined for a plain file that is where its identity says. */
  readonly elsewhere: PlannedSource | undefined;
  readonly carried: PlannedFile["carried"];

  constructor(
    common: Common,
    path: readonly [directory: string, name: string],
    fileId: string,
    collector: string | undefined,
    source: PlannedSource,
    carried: PlannedFile["carried"],
  ) {
    this.common = common;
    [this.directory, this.name] = path;
    this.fileId = fileId;
    this.collector = collector;
    const isItself = source.kind === "plain" && source.file === this.directory + this.name;
    this.size = isItself ? source.size : 0;
    this.mtimeMs = isItself ? source.mtimeMs : 0;
    this.elsewhere = isItself ? undefined : source;
    this.carried = carried;
  }

  get day(): string | undefined {
    return this.common.day;
  }

  get origin(): Origin {
    const { pinned, ...facts } = this.common;
    const collector = this.collector === undefined ? {} : { collector: this.collector };
    return makerFor(pinned)({ ...facts, ...collector, path: this.directory + this.name }, this.fileId);
  }

  get source(): PlannedSource {
    const { size, mtimeMs } = this;
    return this.elsewhere ?? { kind: "plain", file: this.directory + this.name, size, mtimeMs };
  }
}

/**
 * Makes the files of a plan. An archive is hosts by days, so their paths are directories and names that come again and again: a million files
 * take a third of the memory that they would as objects of their own.
 * @returns what makes one; `fileId` where it is known already, `carried` where an earlier revision has it
 */
export function plannedFiles(
  pinned: PinnedForFiles,
): (facts: FileFacts, source: PlannedSource, fileId?: string, carried?: PlannedFile["carried"]) => PlannedFile {
  const texts = new SharedTexts();
  const commons = new Map<string, Common>();
  const commonOf = ({ month, day, lastDay, service, encoding, dropPrograms }: FileFacts): Common => {
    const key = JSON.stringify([month, day, lastDay, service, encoding, dropPrograms]);
    const common = commons.get(key) ?? {
      pinned,
      month,
      ...(day === undefined ? {} : { day }),
      ...(lastDay === undefined ? {} : { lastDay }),
      service,
      ...(encoding === undefined ? {} : { encoding }),
      dropPrograms: [...dropPrograms],
    };
    commons.set(key, common);
    return common;
  };
  return (facts, source, fileId = shortId(facts.path), carried) => {
    const { path, collector } = facts;
    const host = collector === undefined ? undefined : (texts.one(collector) ?? collector);
    return new KeptFile(commonOf(facts), texts.partsOf(path), fileId, host, source, carried);
  };
}
