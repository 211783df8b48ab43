import { existsSync, readFileSync } from "node:fs";
import { createPopulation } from "../../orchestrator/sample/population.ts";
import { DIRT_KINDS, soil } from "../../orchestrator/sample/dirt.ts";
import { Random } from "../../orchestrator/sample/random.ts";
import { createScene, type Scene } from "../../orchestrator/sample/scene.ts";
import { Attack } from "../../orchestrator/sample/voices/attacks.ts";
import { kernelVoice } from "../../orchestrator/sample/voices/kernel.ts";
import { pbsVoice } from "../../orchestrator/sample/voices/pbs.ts";
import { Sessions } from "../../orchestrator/sample/voices/sessions.ts";
import { SYSTEM_VOICES } from "../../orchestrator/sample/voices/system.ts";
import { SPECIMENS } from "../../worker/parsers/specimens.ts";
import { patternFiles, rowsOf } from "../support/pattern-files.ts";

/** Lines to begin with, one character for each byte. */
export interface Corpora {
  readonly lines: readonly string[];
  /** By name: how many lines each gave; 0: not on this machine. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** Public lines and messages, which are no part of the repository. */
const CONFORMANCE = new URL("../../../shared/conformance/", import.meta.url);

/** All lines that there are, the same every time on one machine. */
export function readCorpora(): Corpora {
  const corpora: Readonly<Record<string, readonly string[]>> = {
    specimens: SPECIMENS.split("\n"),
    bank: bankLines(),
    sample: sampleLines(),
    linux_2k: publicLines("linux_2k.log"),
    "grok-patterns": publicMessages("grok-patterns.ndjson"),
  };
  return {
    lines: Object.values(corpora).flat(),
    sizes: Object.fromEntries(Object.entries(corpora).map(([name, lines]) => [name, lines.length])),
  };
}

/** Programs that say what a file of our own bank reads; a file that is not here is named like its program. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  cron: ["CRON[77]: ", "crond[77]: "],
  "environment-modules": ["modules: ", "modulecmd[1]: "],
  fail2ban: ["fail2ban.actions[77]: "],
  kernel: ["kernel: "],
  pam: ["sshd[77]: ", "login(pam_unix)[77]: ", "unix_chkpwd[77]: "],
  "pbs-accounting": [""],
  "pbs-mom": ["pbs_mom: ", ""],
  "pbs-server": ["PBS_Server: ", ""],
  postfix: ["postfix/smtpd[77]: ", "postfix/qmgr[77]: ", "postfix/local[77]: "],
  syslog: ["", "syslogd: "],
};

/** Each message of our own bank's rows as its programs say it, and alone. */
function bankLines(): readonly string[] {
  return patternFiles().flatMap((file) =>
    rowsOf(file).flatMap(({ message }, row) => {
      const programs = PROGRAMS[file] ?? [`${file}[77]: `];
      const text = Buffer.from(message).toString("latin1").split("\n")[0]!;
      const alone = row % 10 === 0 ? [text] : [];
      return [...programs.map((program) => `Jan 14 10:00:00 host ${program}${text}`), ...alone];
    }),
  );
}

/** What the hosts of the sample say, without its files; as many lines of each kind. */
function sampleLines(): readonly string[] {
  const random = new Random(1, "fuzz");
  const population = createPopulation(1, 30);
  const sessions = new Sessions();
  const attack = new Attack(random, population);
  const voices: readonly ((scene: Scene) => void)[] = [
    (scene) => sessions.speak(scene),
    (scene) => attack.speak(scene),
    kernelVoice,
    pbsVoice,
    (scene) => SYSTEM_VOICES[scene.host.role](scene),
  ];
  const scene = createScene(random, population, population.hosts[0]!);
  const lines: string[] = [];
  const say = (form: ReturnType<typeof soil>, number: number) => {
    if (form === "bare") return lines.push(scene.message);
    const pid = scene.pid > 0 ? `[${String(scene.pid)}]` : "";
    const time = `Jan ${String(1 + (number % 31)).padStart(2)} ${new Date(number * 7919e3).toISOString().slice(11, 19)}`;
    return lines.push(
      `${time} ${scene.host.name} ${scene.program}${pid}: ${scene.message}${form === "crlf" ? "\r" : ""}`,
    );
  };
  for (let n = 0; n < 1500; n++) {
    scene.host = random.pick(population.hosts);
    voices[n % voices.length]!(scene);
    say("line", n);
    // Lines of 200 KB are made by mutation.
    const kind = DIRT_KINDS[n % DIRT_KINDS.length]!;
    if (n % 10 === 0 && kind !== "long") say(soil(scene, kind, "smbd"), n);
  }
  return lines;
}

function publicLines(file: string): readonly string[] {
  const url = new URL(file, CONFORMANCE);
  return existsSync(url) ? readFileSync(url, "latin1").trimEnd().split("\n") : [];
}

/** Messages of many products, said by a program. */
function publicMessages(file: string): readonly string[] {
  return publicLines(file).map((row) => {
    const { message } = JSON.parse(Buffer.from(row, "latin1").toString()) as { readonly message: string };
    return `Jan 14 10:00:00 host app[1]: ${Buffer.from(message).toString("latin1").replaceAll("\n", " ")}`;
  });
}
