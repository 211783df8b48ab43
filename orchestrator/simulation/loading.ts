import type { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import type { Runs } from "./runs.ts";
import type { BulkPart, Store } from "./store.ts";
import { Station } from "./station.ts";
import { withWarmUp } from "./warm-up.ts";
import { slotsOf, unpackedUnits, type Cutting, type Packed, type Unit } from "./work.ts";

/** What sums of fractions may be off by. */
const EXACT = 1e-6;

/** How one parser works. */
export interface ParserShape {
  readonly cores: number;
  readonly slots: number;
  readonly unpackSlots: number;
  readonly requestsInFlight: number;
  readonly bulkBytes: number;
}

/** A parser that works. */
export interface Parser {
  readonly cores: Station;
  /** Each parses a block at a time. */
  readonly threads: Station;
  readonly network: Station;
  /** Slots that are free; small chunks take a part of one, as `worker/admission.ts` has it. */
  freeSlots: number;
  /** What is parsed and waits for a request, and requests under way. Several small ones go out as one: `bundles.ts` of the sink. */
  readonly waiting: Batch[];
  requests: number;
  readonly factor: number;
  /** What its work so far would have cost a parser that was warm from the beginning. */
  warmSeconds: number;
  /** Takes nothing new any more. */
  draining: boolean;
  /** Units and compressed files in work. */
  working: number;
  onIdle?: () => void;
}

/** A block that is parsed. */
interface Batch extends BulkPart {
  readonly bodyBytes: number;
  /** For so many requests it stands. */
  readonly together: number;
  readonly settled: () => void;
}

/** What the parsers share. */
export interface LoadingParts {
  readonly agenda: Agenda;
  readonly costs: Costs;
  readonly runs: Runs;
  readonly store: Store;
  readonly cutting: Cutting;
  readonly shape: ParserShape;
  /** Share of Redis's thread that goes to looking and beating. */
  readonly redisBusy: number;
  readonly stagingBytes: number;
}

/** Unpacked output is taken up in pieces of a chunk, so that unpacking and loading go on at once. */
export class Loading {
  readonly redis: Station;
  readonly archive: Station;
  readonly parsers: Parser[] = [];
  unpackCoreSeconds = 0;
  parseCoreSeconds = 0;
  /** Bytes that were loaded again after a loss. */
  reloadedBytes = 0;
  committedBytes = 0;
  lastCommitAt = 0;
  readonly #parts: LoadingParts;
  #units: Unit[];
  #head = 0;
  readonly #packed: readonly Packed[];
  #packedHead = 0;
  #unpacking = 0;
  #underWay = 0;
  #stagedBytes = 0;
  /** Goes on when staged bytes were released. */
  readonly #waitingForRoom: (() => void)[] = [];
  /** Parsers that may have room for a unit, in the order in which they get one. */
  readonly #seeking = new Set<Parser>();
  /** What looks for a compressed file before the spool is open. */
  #withoutFile: (() => void)[] = [];
  readonly #committed: Unit[] = [];
  #open = false;

  constructor(parts: LoadingParts, units: Unit[], packed: readonly Packed[]) {
    this.#parts = parts;
    this.#units = units;
    this.#packed = packed;
    this.redis = new Station(parts.agenda, 1);
    this.archive = new Station(parts.agenda, 1);
  }

  get isDone(): boolean {
    return (
      this.#open &&
      this.#underWay === 0 &&
      this.#head >= this.#units.length &&
      this.#unpacking === 0 &&
      this.#packedHead >= this.#packed.length
    );
  }

  /** The spool opens. */
  open(): void {
    this.#open = true;
    this.#wake();
  }

  join(factor: number): Parser {
    const { agenda, shape } = this.#parts;
    const parser: Parser = {
      cores: new Station(agenda, shape.cores),
      threads: new Station(agenda, shape.slots),
      network: new Station(agenda, 1),
      freeSlots: shape.slots,
      waiting: [],
      requests: 0,
      factor,
      warmSeconds: 0,
      draining: false,
      working: 0,
    };
    this.parsers.push(parser);
    this.#seek(parser);
    for (let i = 0; i < shape.unpackSlots; i++) this.#takePacked(parser);
    return parser;
  }

  /** Takes nothing new; calls back when it has nothing in work. */
  drain(parser: Parser, onIdle: () => void): void {
    parser.draining = true;
    if (parser.working === 0) onIdle();
    else parser.onIdle = onIdle;
  }

  /** Committed chunks with documents in a lost index wait again. */
  reload(lost: ReadonlySet<number>): void {
    if (lost.size === 0) return;
    const { indices } = this.#parts.cutting;
    const kept: Unit[] = [];
    for (const unit of this.#committed) {
      let isHit = false;
      for (let i = 0; i < unit.indices && !isHit; i++) isHit = lost.has((unit.firstIndex + i) % indices);
      if (!isHit) {
        kept.push(unit);
        continue;
      }
      this.reloadedBytes += unit.bytes;
      this.committedBytes -= unit.bytes;
      this.#units.push(unit);
    }
    this.#committed.length = 0;
    for (const unit of kept) this.#committed.push(unit);
    this.#wake();
  }

  #wake(): void {
    this.#giveOut();
    const files = this.#withoutFile;
    this.#withoutFile = [];
    for (const take of files) take();
  }

  #leave(parser: Parser): void {
    parser.working--;
    if (parser.draining && parser.working === 0) parser.onIdle?.();
  }

  /** One answer of Redis for so much of its thread, which also answers everybody else. */
  #askRedis(micros: number, done: () => void): void {
    const { agenda, costs, redisBusy } = this.#parts;
    this.redis.run(micros / 1e6 / (1 - redisBusy), () => agenda.after(costs.roundTripSeconds, done));
  }

  /** It looks for work, as much as it has room for, by turns with the others that do. */
  #seek(parser: Parser): void {
    this.#seeking.add(parser);
    this.#giveOut();
  }

  #giveOut(): void {
    for (const parser of this.#seeking) {
      const unit = this.#open ? this.#units[this.#head] : undefined;
      if (!unit) return;
      this.#seeking.delete(parser);
      // Behind those that wait already. Without room it seeks again when it has committed something.
      if (this.#take(parser, unit)) this.#seeking.add(parser);
    }
  }

  #take(parser: Parser, unit: Unit): boolean {
    const { cutting, costs } = this.#parts;
    const slots = slotsOf(unit, cutting);
    if (parser.draining || slots > parser.freeSlots + EXACT) return false;
    parser.freeSlots -= slots;
    this.#head++;
    this.#underWay++;
    parser.working++;
    const micros = (costs.redisMicrosPerChunk * unit.chunks) / 2;
    this.#askRedis(micros, () =>
      this.#load(parser, unit, () =>
        this.#askRedis(micros, () => {
          this.#underWay--;
          parser.freeSlots += slots;
          this.#commit(unit);
          this.#leave(parser);
          this.#seek(parser);
        }),
      ),
    );
    return true;
  }

  #commit(unit: Unit): void {
    this.#committed.push(unit);
    this.committedBytes += unit.bytes;
    this.lastCommitAt = this.#parts.agenda.now;
    this.#release(unit.bytes);
  }

  /** Read → parse → bulk: the next block is read while one is parsed, and parsed while bulks are under way. */
  #load(parser: Parser, unit: Unit, done: () => void): void {
    const { agenda, costs, runs, shape } = this.#parts;
    const blocks = Math.max(1, Math.ceil((unit.bytes * costs.bodyBytesPerByte) / (shape.bulkBytes * unit.together)));
    const bytes = unit.bytes / blocks;
    const lines = bytes / costs.lineBytes;
    const documents = lines * costs.documentsPerLine;
    const micros =
      lines * costs.parseMicrosPerLine +
      documents * costs.sendMicrosPerDocument +
      (unit.chunks * costs.parserMicrosPerChunk) / blocks;
    const span = unit.ordered ? Math.max(1, Math.ceil(unit.indices / blocks)) : unit.indices;
    let read = 0;
    let begun = 0;
    let parsing = false;
    let under = 0;
    let settled = 0;
    const readNext = (): void => {
      if (read - begun > 0 || read >= blocks) return;
      this.archive.run(bytes / costs.archiveBytesPerSecond, () =>
        agenda.after(runs.networkSeconds(bytes), () => {
          read++;
          parseNext();
        }),
      );
    };
    const parseNext = (): void => {
      if (parsing || begun >= read || under > shape.requestsInFlight) return;
      parsing = true;
      under++;
      const block = begun++;
      readNext();
      parser.threads.acquire((release) => {
        const before = withWarmUp(parser.warmSeconds, costs.parserWarmUp);
        parser.warmSeconds += micros / 1e6;
        const used = withWarmUp(parser.warmSeconds, costs.parserWarmUp) - before;
        const seconds = runs.cpuSeconds(used * parser.factor);
        this.parseCoreSeconds += seconds;
        runs.compute(parser.cores, seconds, () => {
          release();
          parsing = false;
          send(block);
          parseNext();
        });
      });
    };
    const send = (block: number): void => {
      const over = (): void => {
        under--;
        if (++settled === blocks) done();
        else parseNext();
      };
      if (documents === 0) {
        over();
        return;
      }
      const first =
        (unit.firstIndex + (unit.ordered ? Math.floor((block * unit.indices) / blocks) : 0)) %
        this.#parts.cutting.indices;
      parser.waiting.push({
        documents,
        first,
        indices: span,
        bodyBytes: bytes * costs.bodyBytesPerByte,
        together: unit.together,
        settled: over,
      });
      this.#send(parser);
    };
    readNext();
  }

  /** Sends what waits, as many requests as there may be, each of what fits into one. */
  #send(parser: Parser): void {
    const { agenda, costs, runs, store, shape } = this.#parts;
    while (parser.waiting.length > 0 && parser.requests < shape.requestsInFlight * shape.slots) {
      const together = parser.waiting[0]!.together;
      let bodyBytes = 0;
      let count = 0;
      for (const batch of parser.waiting) {
        if (count > 0 && (batch.together !== together || bodyBytes + batch.bodyBytes > shape.bulkBytes * together))
          break;
        bodyBytes += batch.bodyBytes;
        count++;
      }
      const batches = parser.waiting.splice(0, count);
      parser.requests++;
      parser.network.run(runs.networkSeconds(bodyBytes), () =>
        store.bulk(batches, bodyBytes, together, () =>
          agenda.after(costs.roundTripSeconds * together, () => {
            parser.requests--;
            for (const { settled } of batches) settled();
            this.#send(parser);
          }),
        ),
      );
    }
  }

  #takePacked(parser: Parser): void {
    const take = (): void => this.#takePacked(parser);
    if (parser.draining) return;
    const file = this.#open ? this.#packed[this.#packedHead] : undefined;
    if (!file) {
      if (!this.#open || this.#packedHead < this.#packed.length) this.#withoutFile.push(take);
      return;
    }
    const units = unpackedUnits(file, this.#packedHead++, this.#parts.cutting);
    this.#unpacking++;
    parser.working++;
    let at = 0;
    const next = (): void => {
      const unit = units[at++];
      if (unit) {
        this.#unpack(parser, unit, next);
        return;
      }
      this.#unpacking--;
      this.#leave(parser);
      take();
    };
    next();
  }

  #unpack(parser: Parser, unit: Unit, done: () => void): void {
    const { costs, runs, stagingBytes } = this.#parts;
    const begin = (): void => {
      if (this.#stagedBytes > 0 && this.#stagedBytes + unit.bytes > stagingBytes) {
        this.#waitingForRoom.push(begin);
        return;
      }
      this.#stagedBytes += unit.bytes;
      const seconds = runs.cpuSeconds(((unit.bytes / 2 ** 20) * costs.unpackMicrosPerMiB * parser.factor) / 1e6);
      this.unpackCoreSeconds += seconds;
      this.archive.run(unit.bytes / costs.gzipRatio / costs.archiveBytesPerSecond, () =>
        runs.compute(parser.cores, seconds, () => {
          this.#units.push(unit);
          this.#wake();
          done();
        }),
      );
    };
    begin();
  }

  /** Plain chunks have no staged bytes; what they would give back is not there. */
  #release(bytes: number): void {
    if (this.#stagedBytes === 0) return;
    this.#stagedBytes = Math.max(0, this.#stagedBytes - bytes);
    for (const go of this.#waitingForRoom.splice(0)) go();
  }
}
