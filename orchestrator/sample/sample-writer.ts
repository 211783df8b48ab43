import { rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { ArchiveFile } from "./archive-file.ts";
import { burstOf, secondOf, type Burst, type HourTable, type MonthClock, type Rhythm } from "./clock.ts";
import { CopySpool } from "./copy-spool.ts";
import { DirtSower, soil } from "./dirt.ts";
import { listFiles, packedDay, type FileSpec } from "./file-list.ts";
import type { CheckedOptions } from "./options.ts";
import { createPopulation, type Host, type Population } from "./population.ts";
import { Random } from "./random.ts";
import { createScene, type Scene, type Voice } from "./scene.ts";
import { Truth } from "./truth.ts";
import { Attack, drawAttacks } from "./voices/attacks.ts";
import { kernelVoice } from "./voices/kernel.ts";
import { pbsVoice } from "./voices/pbs.ts";
import { Sessions } from "./voices/sessions.ts";
import { SYSTEM_VOICES } from "./voices/system.ts";

const DAY = 86_400;
/** After so many lines others get a turn, and an abort is seen. */
const TURN_LINES = 50_000;

/** Who says a dirty line that has a header, by kind of file: a program that tells nothing that is counted otherwise. */
const DIRTY_PROGRAM: Readonly<Record<FileSpec["kind"], string>> = {
  auth: "useradd",
  pbs: "pbs_mom",
  syslog: "smbd",
  kern: "kernel",
};

/** Who speaks in a file, and when more than usual. */
interface Cast {
  readonly voice: Voice;
  readonly rhythm: Rhythm;
  readonly bursts: readonly Burst[];
}

/** Writes the files of one sample below a directory and counts what they hold. */
export class SampleWriter {
  readonly truth: Truth;
  /** Where the members of the 7z stand until they are packed, and where it goes. */
  readonly packDir: string;
  readonly packFile: string;
  hasPacked = false;
  readonly #dir: string;
  readonly #options: CheckedOptions;
  readonly #clock: MonthClock;
  readonly #population: Population;
  readonly #dirt: DirtSower;
  readonly #signal: AbortSignal;
  readonly #onProgress: (lines: number) => void;
  readonly #packPath: string;
  readonly #mtimeSeconds: number;
  readonly #copies: { readonly auth: CopySpool; readonly pbs: CopySpool } | undefined;
  readonly #hourTables = new Map<string, HourTable>();
  /** Numbers of the files, in order of writing, whose last line has no end. */
  #files = 0;
  #unterminatedEvery = 0;

  constructor(
    dir: string,
    options: CheckedOptions,
    clock: MonthClock,
    signal: AbortSignal,
    onProgress: (lines: number) => void,
  ) {
    this.#dir = dir;
    this.#options = options;
    this.#clock = clock;
    this.#signal = signal;
    this.#onProgress = onProgress;
    this.#population = createPopulation(options.seed, options.hosts);
    this.#dirt = new DirtSower(options.lines);
    this.truth = new Truth(clock);
    this.packDir = join(dir, "packed");
    this.#packPath = `hosts/${clock.dayName(packedDay(clock)).replaceAll("-", "")}.7z`;
    this.packFile = join(dir, this.#packPath);
    // Files have the time of the month's end, so that the same sample is the same archive to whoever compares times.
    this.#mtimeSeconds = Date.parse(`${clock.dayName(clock.days - 1)}T23:59:59Z`) / 1000;
    this.#copies = options.overlap
      ? { auth: new CopySpool(join(dir, "copies", "auth")), pbs: new CopySpool(join(dir, "copies", "pbs")) }
      : undefined;
  }

  /** @throws what the signal aborts with */
  async writeAll(): Promise<void> {
    const files = listFiles(this.#options, this.#clock, this.#population);
    const { unterminated } = this.#options;
    this.#unterminatedEvery = unterminated === 0 ? 0 : Math.max(1, Math.floor(files.length / unterminated));
    let turnEnds = TURN_LINES;
    for (const file of files) {
      await this.#writeFile(file);
      if (this.truth.lines < turnEnds) continue;
      turnEnds = this.truth.lines + TURN_LINES;
      await this.#turn();
    }
    if (this.#copies) await this.#writeHostAuthLogs(this.#copies.auth);
    this.#onProgress(this.truth.lines);
  }

  /** Removes what is not part of the sample. */
  finish(): void {
    for (const name of ["packed", "copies"]) rmSync(join(this.#dir, name), { recursive: true, force: true });
  }

  async #turn(): Promise<void> {
    this.#onProgress(this.truth.lines);
    await setImmediate();
    this.#signal.throwIfAborted();
  }

  async #writeFile(spec: FileSpec): Promise<void> {
    const random = new Random(this.#options.seed, spec.path);
    const scene = createScene(random, this.#population, spec.host ?? (this.#population.hosts[0] as Host));
    const { voice, rhythm, bursts } = this.#cast(spec, random);
    const moments = this.#clock.draw(random, spec.lines, this.#hours(rhythm, spec), bursts);
    const copies = this.#copies && (spec.kind === "auth" || spec.kind === "pbs") ? this.#copies[spec.kind] : undefined;
    const merged =
      this.#copies && spec.kind === "syslog" && spec.host ? this.#copies.pbs.take(spec.host.ip) : undefined;
    const file = this.#open(spec);
    try {
      for (let i = 0; i < moments.length; i++) {
        const moment = moments[i] as number;
        scene.second = secondOf(moment);
        scene.burst = burstOf(moment);
        if (merged) while (merged.second <= scene.second) file.append(merged.next());
        voice(scene);
        const line = this.#finishLine(scene, spec, copies !== undefined);
        file.append(line);
        copies?.add(scene.host.ip, scene.second, line);
        if (i % TURN_LINES === TURN_LINES - 1) await this.#turn();
      }
      if (merged) while (merged.second < Infinity) file.append(merged.next());
    } catch (error) {
      file.abandon();
      throw error;
    }
    this.#close(file, spec);
  }

  /** The line as it stands in the file, counted. */
  #finishLine(scene: Scene, spec: FileSpec, twice: boolean): string {
    const kind = this.#dirt.next();
    const form = kind === undefined ? "line" : soil(scene, kind, DIRTY_PROGRAM[spec.kind]);
    const day = form === "bare" ? spec.firstDay : Math.floor(scene.second / DAY);
    // A host's file names no day, so a short-lived machine's line without a date counts for the first of the month.
    this.truth.count(scene, form === "bare" && spec.host ? 0 : day, kind);
    if (twice) this.truth.count(scene, form === "bare" ? 0 : day, kind);
    if (form === "bare") return scene.message;
    const tag = scene.pid === 0 ? scene.program : `${scene.program}[${String(scene.pid)}]`;
    const line = `${this.#clock.stamp(scene.second)} ${scene.host.name} ${tag}: ${scene.message}`;
    return form === "crlf" ? `${line}\r` : line;
  }

  #cast(spec: FileSpec, random: Random): Cast {
    const { lines } = spec;
    const firstSecond = spec.firstDay * DAY;
    const span = (spec.endDay - spec.firstDay) * DAY - 2 * 3600;
    const burst = (share: number, seconds: number): Burst => ({
      start: firstSecond + random.below(span),
      seconds: random.between(Math.ceil(seconds / 4), seconds),
      lines: Math.floor(lines * share),
    });
    switch (spec.kind) {
      case "auth": {
        const sessions = new Sessions();
        const bursts = drawAttacks(random, Math.floor((lines * random.between(20, 45)) / 100), firstSecond);
        const attacks = bursts.map(() => new Attack(random, this.#population));
        const voice: Voice = (scene) => {
          if (scene.burst > 0) attacks[scene.burst - 1]?.speak(scene);
          else sessions.speak(scene);
        };
        return { voice, rhythm: "people", bursts };
      }
      case "pbs":
        return { voice: pbsVoice, rhythm: "machines", bursts: random.chance(0.3) ? [burst(0.1, 300)] : [] };
      case "kern":
        return { voice: kernelVoice, rhythm: "machines", bursts: [burst(0.1, 60), burst(0.05, 60)] };
      case "syslog":
        return { voice: SYSTEM_VOICES[spec.host?.role ?? "worker"], rhythm: "machines", bursts: [burst(0.03, 900)] };
    }
  }

  #hours(rhythm: Rhythm, { firstDay, endDay }: FileSpec): HourTable {
    const key = `${rhythm} ${String(firstDay)} ${String(endDay)}`;
    let hours = this.#hourTables.get(key);
    if (hours === undefined) this.#hourTables.set(key, (hours = this.#clock.hours(rhythm, firstDay, endDay)));
    return hours;
  }

  /** With overlap a host's auth lines are in its own file as well, as `PerHostLogsAuthlog` writes it. */
  async #writeHostAuthLogs(spool: CopySpool): Promise<void> {
    const folder = this.#options.month.replace("-", "/");
    for (const [i, ip] of spool.keys().entries()) {
      const spec: FileSpec = {
        kind: "auth",
        path: `hosts/${folder}/${ip}/auth.log`,
        lines: 0,
        firstDay: 0,
        endDay: this.#clock.days,
        gzip: i % 5 === 3,
        packed: false,
      };
      const file = this.#open(spec);
      const copies = spool.take(ip);
      while (copies.second < Infinity) file.append(copies.next());
      this.#close(file, spec);
      if (i % 100 === 99) await this.#turn();
    }
  }

  #open(spec: FileSpec): ArchiveFile {
    const path = spec.packed ? join(this.packDir, memberOf(spec)) : join(this.#dir, spec.path);
    return new ArchiveFile(spec.gzip ? `${path}.gz` : path, { gzip: spec.gzip });
  }

  #close(file: ArchiveFile, spec: FileSpec): void {
    const every = this.#unterminatedEvery;
    const unterminated =
      every > 0 && this.#files % every === every - 1 && this.#files / every < this.#options.unterminated;
    this.#files++;
    file.close({ unterminated, mtimeSeconds: this.#mtimeSeconds });
    if (spec.packed) this.hasPacked = true;
    this.truth.file(
      {
        path: spec.packed ? this.#packPath : spec.gzip ? `${spec.path}.gz` : spec.path,
        ...(spec.packed ? { member: memberOf(spec) } : {}),
        identity: spec.packed ? `${this.#packPath.replace(/\.7z$/, "")}/${memberOf(spec)}` : spec.path,
        lines: file.lines,
        bytes: file.bytes,
      },
      unterminated,
    );
  }
}

/** Members are named as if the 7z were extracted where it stands, in `hosts`. */
function memberOf(spec: FileSpec): string {
  return spec.path.replace(/^hosts\//, "");
}
