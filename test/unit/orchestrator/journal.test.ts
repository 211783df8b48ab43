import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openJournal, readJournal } from "../../../orchestrator/journal.ts";
import { liveJobs, viewOf } from "../../../orchestrator/view.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gh-journal-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("journal", () => {
  it("gives back what was written, over several epochs", async () => {
    const first = await openJournal(dir, 1, "here");
    await first.append({ type: "created", campaign: "c", plan: "p" });
    await first.append({ type: "transition", event: "start", from: "planned", to: "booting" });
    await first.close();
    const second = await openJournal(dir, 2, "there");
    await second.append({ type: "submit-intent", jobName: "gh-a-d1", role: "es-data" });
    await second.close();
    const { records, epoch } = await readJournal(dir);
    expect(epoch).toBe(2);
    expect(records.map(({ type }) => type)).toEqual(["owned", "created", "transition", "owned", "submit-intent"]);
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    const view = viewOf(records);
    expect(view.state).toBe("booting");
    expect(view.owners).toBe(2);
    expect(liveJobs(view).map(({ name }) => name)).toEqual(["gh-a-d1"]);
  });

  it("leaves out what a stale orchestrator appends after another one took over", async () => {
    const stale = await openJournal(dir, 1, "here");
    await stale.append({ type: "warning", text: "counts" });
    const owner = await openJournal(dir, 2, "there");
    await expect(stale.append({ type: "warning", text: "too late" })).rejects.toMatchObject({ code: "CAMPAIGN_LOST" });
    expect(stale.records.map(({ type }) => type)).toEqual(["owned", "warning"]);
    await owner.close();
    await stale.close();
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(["counts"]);
    const third = await openJournal(dir, 3, "third");
    await third.close();
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(["counts"]);
  });

  it("counts whatever a writer was told is written, also beside a new owner that begins at that moment", async () => {
    for (let round = 0; round < 20; round++) {
      const place = join(dir, String(round));
      const stale = await openJournal(place, 1, "here");
      const [written, owner] = await Promise.all([
        stale.append({ type: "warning", text: "close" }).then(
          () => true,
          () => false,
        ),
        openJournal(place, 2, "there"),
      ]);
      if (written) expect(viewOf(owner.records).warnings).toEqual(["close"]);
      await owner.close();
      await stale.close();
    }
  });

  it("leaves out a torn last line", async () => {
    const journal = await openJournal(dir, 1, "here");
    await journal.append({ type: "warning", text: "whole" });
    await journal.close();
    await appendFile(join(dir, "000001.ndjson"), '{"type":"warning","te');
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(["whole"]);
  });

  it("ends at a line that was never finished, and leaves what follows it out", async () => {
    const journal = await openJournal(dir, 1, "here");
    await journal.append({ type: "warning", text: "whole" });
    await journal.close();
    await appendFile(join(dir, "000001.ndjson"), '{"type":"warning","te{"type":"warning","text":"glued"}\n');
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(["whole"]);
    const next = await openJournal(dir, 2, "there");
    await next.append({ type: "warning", text: "goes on" });
    await next.close();
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(["whole", "goes on"]);
  });

  it("does not append to the half of a record that a full disk has left", async () => {
    const journal = await openJournal(dir, 1, "here");
    await journal.append({ type: "warning", text: "first" });
    // As a write that failed half way leaves it.
    await appendFile(join(dir, "000001.ndjson"), '{"type":"warning","te');
    await journal.append({ type: "warning", text: "second" });
    await journal.close();
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(["first", "second"]);
  });

  it("refuses a second owner of the same epoch, and everything once it is fenced off", async () => {
    const journal = await openJournal(dir, 1, "here");
    await expect(openJournal(dir, 1, "there")).rejects.toMatchObject({ code: "CAMPAIGN_LOST" });
    journal.fence();
    await expect(journal.append({ type: "warning", text: "no" })).rejects.toMatchObject({ code: "CAMPAIGN_LOST" });
    await journal.close();
  });

  it("keeps the order of appends that were not waited for", async () => {
    const journal = await openJournal(dir, 1, "here");
    await Promise.all(Array.from({ length: 20 }, (_, i) => journal.append({ type: "warning", text: String(i) })));
    await journal.close();
    expect(viewOf((await readJournal(dir)).records).warnings).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
  });
});
