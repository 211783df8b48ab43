import type { Burst } from "../clock.ts";
import type { Host, Population } from "../population.ts";
import type { Random } from "../random.ts";
import type { Scene } from "../scene.ts";
import * as sshd from "./sshd.ts";

/**
 * A brute-force attack: one address tries names and passwords at a few hosts for minutes. What sshd says
 * of one attempt comes in order.
 */
export class Attack {
  readonly #remote: string;
  readonly #targets: readonly Host[];
  readonly #onlyRoot: boolean;
  #pid: number;
  #step = 0;
  #user = "root";
  #target: Host;

  constructor(random: Random, population: Population) {
    this.#remote = population.attackers[population.attackerRank.draw(random)] ?? "198.18.0.1";
    this.#targets = Array.from({ length: random.between(1, 6) }, () => random.pick(population.hosts));
    this.#target = random.pick(this.#targets);
    this.#onlyRoot = random.chance(0.3);
    this.#pid = random.between(1000, 20000);
  }

  speak(scene: Scene): void {
    const { random, population } = scene;
    if (this.#step === 0) {
      this.#target = random.pick(this.#targets);
      this.#pid += random.between(1, 7);
      this.#user = this.#onlyRoot ? "root" : (population.guesses[population.guessRank.draw(random)] ?? "test");
    }
    scene.host = this.#target;
    if (this.#user === "root") this.#tryRoot(scene);
    else this.#tryStranger(scene);
  }

  #tryRoot(scene: Scene): void {
    const port = scene.random.between(32768, 61000);
    switch (this.#step++) {
      case 0:
        return sshd.remark(
          scene,
          this.#pid,
          `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${this.#remote}  user=root`,
        );
      case 1:
        return sshd.failed(scene, this.#pid, "password", "root", this.#remote, port);
      default:
        this.#step = 0;
        return sshd.remark(scene, this.#pid, `Received disconnect from ${this.#remote}: 11: Bye Bye [preauth]`);
    }
  }

  #tryStranger(scene: Scene): void {
    const port = scene.random.between(32768, 61000);
    switch (this.#step++) {
      case 0:
        return sshd.invalidUser(scene, this.#pid, this.#user, this.#remote);
      case 1:
        return sshd.remark(scene, this.#pid, `input_userauth_request: invalid user ${this.#user} [preauth]`);
      case 2:
        return sshd.remark(
          scene,
          this.#pid,
          `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${this.#remote} `,
        );
      default:
        this.#step = 0;
        return sshd.failed(
          scene,
          this.#pid,
          scene.random.chance(0.9) ? "password" : "none",
          `invalid user ${this.#user}`,
          this.#remote,
          port,
        );
    }
  }
}

/** Splits a day's attack lines over a few attacks, each of minutes. */
export function drawAttacks(random: Random, lines: number, firstSecond: number): readonly Burst[] {
  const bursts: Burst[] = [];
  for (let left = lines; left > 0 && bursts.length < 200;) {
    const size = Math.min(left, Math.max(8, Math.ceil(lines * (0.05 + random.below(40) / 100))));
    bursts.push({ start: firstSecond + random.below(84_000), seconds: random.between(120, 2400), lines: size });
    left -= size;
  }
  return bursts;
}
