const SPACE = 32;

/** Whether the text stands at `start`, all of it before `end`. */
export function startsWith(src: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start < text.length) return false;
  for (let i = 0; i < text.length; i++) if (src[start + i] !== text[i]) return false;
  return true;
}

/** The last position in `[start, end)` at which the whole text stands, or -1. */
export function lastIndexOf(src: Uint8Array, start: number, end: number, text: Uint8Array): number {
  const first = text[0];
  for (let at = end - text.length; at >= start; at--) {
    if (src[at] === first && startsWith(src, at, end, text)) return at;
  }
  return -1;
}

/** The first position in `[start, end)` at which the whole text stands, or -1. */
export function indexOf(src: Uint8Array, start: number, end: number, text: Uint8Array): number {
  const first = text[0];
  for (let at = start; at <= end - text.length; at++) {
    if (src[at] === first && startsWith(src, at, end, text)) return at;
  }
  return -1;
}

/** The position of the first blank at or after `start`, or `end`. */
export function wordEnd(src: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && src[at] !== SPACE) at++;
  return at;
}
