import type { Origin } from "../../../worker/contract/chunk.ts";
import type { EncodedBatch, Pipeline } from "../../../worker/contract/pipeline.ts";

/** Bytes of a bulk body for one of lines, until it is known. */
const FIRST_RATIO = 3;
const LF = 10;

/** Lines as bulk bodies of about so many bytes. @param attempt the tag of the documents where the store makes the ids */
export function* batchesOf(
  pipeline: Pipeline,
  lines: Buffer,
  origin: Origin,
  bulkBytes: number,
  attempt: string | undefined,
): Generator<EncodedBatch> {
  let ratio = FIRST_RATIO;
  for (let start = 0; start < lines.length;) {
    const wanted = Math.floor(start + bulkBytes / ratio);
    const end = wanted >= lines.length ? lines.length : lines.indexOf(LF, wanted) + 1 || lines.length;
    const batch = pipeline.run(lines.subarray(start, end), start, origin, { attempt });
    ratio = batch.body.length / (end - start);
    yield batch;
    start = end;
  }
}
