import { createCluster } from "../../../orchestrator/cluster.ts";
import type { Row } from "../benchmark.ts";
import { settle } from "../store/measure-load.ts";
import { untilWritten } from "../store/written.ts";
import { differenceOf, type Difference } from "./contents.ts";
import type { Contender, IngestPlace } from "./loading.ts";

/** What a contender has lost and doubled when it was killed in mid-load and started again. */
export interface KillRow extends Row, Difference {
  readonly ids: Contender["ids"];
  /** Documents that had been written when it was killed. */
  readonly written: number;
}

/** Of the lines so many are written when it is killed. */
const SHARE = 0.5;
const QUIET_MS = 60_000;

/** One contender; undefined when it is not there. */
export async function killed(
  contender: Contender,
  place: IngestPlace,
  expected: ReadonlySet<string>,
): Promise<KillRow | undefined> {
  const { node, index, corpus, signal } = place;
  const loading = await contender.start(place);
  if ("missing" in loading) return undefined;
  try {
    // Whatever becomes of it: it is cut off.
    const cut = loading.load().catch(() => undefined);
    await untilWritten(node.client, index, corpus.lines * SHARE, { quietMs: QUIET_MS, signal });
    await loading.kill();
    await settle(node.client, [index]);
    const { [index]: written = 0 } = await createCluster(node.client).counts([index]);
    await loading.resume();
    await cut;
    await settle(node.client, [index]);
    const difference = await differenceOf(node.client, [index], expected);
    return { name: contender.name, ids: contender.ids, written, ...difference };
  } finally {
    await loading.end();
  }
}
