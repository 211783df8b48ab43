/** How many bytes of index documents take. Pure. */

/** What was measured: bytes a document, in indices of so many documents and segments. */
export interface IndexDensity {
  readonly bytesPerDocument: number;
  readonly documents: number;
  readonly segments: number;
}

/** Of a segment, whatever it holds: headers, field lists, the first block of everything. */
const FIXED_BYTES = 60_000;
/** What a load leaves that is not merged: 3 to 5 for each of a campaign's days of 10,000 documents, 48.5 MB of which are 48.1 by this. */
const UNMERGED_SEGMENTS = 4;

/** How many segments an index has when `serving.segments` is that. */
export function segmentsOf(configured: number): number {
  return configured === 0 ? UNMERGED_SEGMENTS : configured;
}
/**
 * Beyond that documents take the fewer bytes the more of them share terms and blocks. Both of a day's lines of sample archives, merged to
 * one segment: 364, 1,475, 7,316, 29,305 and 72,556 documents took 312, 187, 144, 126 and 121 bytes each; with logsdb and synthetic sources 314, 170, 121,
 * 105 and 101. This is within 3 % of all but the smallest.
 */
const GROWTH = 0.95;

/** Bytes of so many documents in indices of `perIndex` each, those apart that segments take anyway. */
function beyondFixed(documents: number, perIndex: number, known: IndexDensity): number {
  if (documents === 0) return 0;
  const { bytesPerDocument } = known;
  // Of less than that little can be told of the rest.
  const variable = Math.max(bytesPerDocument / 2, bytesPerDocument - (FIXED_BYTES * known.segments) / known.documents);
  return documents * variable * (perIndex / known.documents) ** (GROWTH - 1);
}

/**
 * @param parts documents of each kind; kinds share the indices
 * @param indices that they go to evenly; fewer where there are fewer documents
 * @param segments of each index
 */
export function indexBytesOf(
  parts: readonly { readonly documents: number; readonly density: IndexDensity }[],
  indices: number,
  segments: number,
): number {
  const documents = parts.reduce((sum, part) => sum + part.documents, 0);
  const used = Math.min(indices, documents);
  if (used === 0) return 0;
  const perIndex = documents / used;
  return parts.reduce(
    (sum, part) => sum + beyondFixed(part.documents, perIndex, part.density),
    used * segments * FIXED_BYTES,
  );
}
