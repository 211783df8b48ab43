import type { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import type { Runs } from "./runs.ts";
import type { Store } from "./store.ts";
import { Station } from "./station.ts";
import { unpackedUnits, type Cutting, type Packed, type Unit } from "./work.ts";

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
  readonly network: Station;
  /** Bulk requests at once. */
  readonly requests: Station;
  readonly factor: number;
  /** CPU that its next block costs beyond its lines: its code is not compiled yet. */
  coldSeconds: number;
  /** Takes nothing new any more. */
  draining: boolean;
  /** Units and compressed files in work. */
  working: number;
  onIdle?: () => void;
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
  /** Slots without work. */
  #idle: (() => void)[] = [];
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
    const { agenda, costs, shape } = this.#parts;
    const parser: Parser = {
      cores: new Station(agenda, shape.cores),
      network: new Station(agenda, 1),
      requests: new Station(agenda, shape.requestsInFlight * shape.slots),
      factor,
      coldSeconds: costs.parserColdSeconds,
      draining: false,
      working: 0,
    };
    this.parsers.push(parser);
    for (let i = 0; i < shape.slots; i++) this.#takeUnit(parser);
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
    const idle = this.#idle;
    this.#idle = [];
    for (const take of idle) take();
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

  #takeUnit(parser: Parser): void {
    const take = (): void => this.#takeUnit(parser);
    if (parser.draining) return;
    const unit = this.#open ? this.#units[this.#head] : undefined;
    if (!unit) {
      this.#idle.push(take);
      return;
    }
    this.#head++;
    this.#underWay++;
    parser.working++;
    const micros = (this.#parts.costs.redisMicrosPerChunk * unit.chunks) / 2;
    this.#askRedis(micros, () =>
      this.#load(parser, unit, () =>
        this.#askRedis(micros, () => {
          this.#underWay--;
          this.#commit(unit);
          this.#leave(parser);
          take();
        }),
      ),
    );
  }

  #commit(unit: Unit): void {
    this.#committed.push(unit);
    this.committedBytes += unit.bytes;
    this.lastCommitAt = this.#parts.agenda.now;
    this.#release(unit.bytes);
  }

  /** Read → parse → bulk: the next block is read while one is parsed, and parsed while bulks are under way. */
  #load(parser: Parser, unit: Unit, done: () => void): void {
    const { agenda, costs, runs, store, shape } = this.#parts;
    const blocks = Math.max(1, Math.ceil((unit.bytes * costs.bodyBytesPerByte) / (shape.bulkBytes * unit.together)));
    const bytes = unit.bytes / blocks;
    const lines = bytes / costs.lineBytes;
    const documents = lines * costs.documentsPerLine;
    const micros = (lines * costs.parseMicrosPerLine + documents * costs.sendMicrosPerDocument) * parser.factor;
    const cpuSeconds = runs.cpuSeconds(micros / 1e6);
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
      const seconds = cpuSeconds + runs.cpuSeconds(parser.coldSeconds);
      parser.coldSeconds = 0;
      this.parseCoreSeconds += seconds;
      runs.compute(parser.cores, seconds, () => {
        parsing = false;
        send(block);
        parseNext();
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
      const body = bytes * costs.bodyBytesPerByte;
      parser.requests.acquire((release) =>
        parser.network.run(runs.networkSeconds(body), () =>
          store.bulk(documents, body, { first, indices: span, requests: unit.together }, () =>
            agenda.after(costs.roundTripSeconds * unit.together, () => {
              release();
              over();
            }),
          ),
        ),
      );
    };
    readNext();
  }

  #takePacked(parser: Parser): void {
    const take = (): void => this.#takePacked(parser);
    if (parser.draining) return;
    const file = this.#open ? this.#packed[this.#packedHead] : undefined;
    if (!file) {
      if (!this.#open || this.#packedHead < this.#packed.length) this.#idle.push(take);
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
