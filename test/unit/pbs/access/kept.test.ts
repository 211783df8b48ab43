import { afterEach, describe, expect, it, vi } from "vitest";
import { keep, pauseAfter, unreachable } from "../../../../pbs/access/kept.ts";
import { ConfigError } from "../../../../worker/contract/errors.ts";

const host = { host: "frontend", port: 22, knownHosts: "" };
const never = new AbortController().signal;

/** A thing that is opened as the list says, and can be ended from outside. */
function bench(outcomes: (Error | "well")[]) {
  const ends = new Map<number, () => void>();
  let opened = 0;
  const warnings: string[] = [];
  const kept = keep<number>(
    host,
    {
      async open() {
        const outcome = outcomes[Math.min(opened++, outcomes.length - 1)] ?? "well";
        await Promise.resolve();
        if (outcome !== "well") throw outcome;
        return opened;
      },
      end: (n) => ends.get(n)?.(),
      onceEnded: (n, callback) => void ends.set(n, callback),
    },
    { warn: (text) => void warnings.push(text) },
  );
  return { kept, warnings, opened: () => opened, lose: (n: number) => ends.get(n)?.() };
}

afterEach(() => vi.useRealTimers());

describe("a connection that is kept", () => {
  it("is made once for all who need it, and again after it was lost", async () => {
    const { kept, lose, opened } = bench(["well"]);
    expect(await Promise.all([kept.get(never), kept.get(never)])).toEqual([1, 1]);
    lose(1);
    expect(await kept.get(never)).toBe(2);
    expect(await kept.replace(1, never)).toBe(2);
    expect(await kept.replace(2, never)).toBe(3);
    expect(opened()).toBe(3);
    kept.close();
    await expect(kept.get(never)).rejects.toMatchObject({ code: "SSH_UNREACHABLE" });
  });

  it("leaves a host alone for a while after a failure, and gives the failure to all who come meanwhile", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { kept, opened } = bench([unreachable(host, "down"), unreachable(host, "still down"), "well"]);
    await expect(kept.get(never)).rejects.toThrow("down");
    await expect(kept.get(never)).rejects.toThrow("down");
    expect(opened()).toBe(1);
    vi.advanceTimersByTime(1_000);
    await expect(kept.get(never)).rejects.toThrow("still down");
    vi.advanceTimersByTime(1_999);
    await expect(kept.get(never)).rejects.toThrow("still down");
    vi.advanceTimersByTime(1);
    expect(await kept.get(never)).toBe(3);
  });

  it("takes a refusal for the configuration's fault at first, and for something that may pass once it has been in", async () => {
    const refusal = new ConfigError("SSH_AUTH_REFUSED", "no");
    await expect(bench([refusal]).kept.get(never)).rejects.toBe(refusal);
    const later = bench(["well", refusal]);
    await later.kept.get(never);
    later.lose(1);
    await expect(later.kept.get(never)).rejects.toMatchObject({ code: "SSH_AUTH_REFUSED", retryable: true });
  });

  it("is not waited for after an abort", async () => {
    const controller = new AbortController();
    const { kept } = bench(["well"]);
    const waiting = kept.get(controller.signal);
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(await kept.get(never)).toBe(1);
  });
});

it("pauses grow to half a minute, after refusals to five", () => {
  expect([1, 2, 3, 6, 20].map((n) => pauseAfter(n, false))).toEqual([1000, 2000, 4000, 30_000, 30_000]);
  expect([1, 9, 10, 40].map((n) => pauseAfter(n, true))).toEqual([1000, 256_000, 300_000, 300_000]);
});
