const DOT = 46;
const COLON = 58;

/**
 * Whether Elasticsearch's `ip` field takes the text `[start, end)`: a dotted quad without leading zeros, or IPv6 in any
 * notation but with a zone. What it does not take would cost the whole document.
 * @source Elasticsearch's InetAddresses.forString; tried against 8.19
 */
export function isIpAddress(src: Uint8Array, start: number, end: number): boolean {
  // `255.255.255.255` has 15, `0000:0000:0000:0000:0000:ffff:255.255.255.255` has 45.
  if (end - start < 2 || end - start > 45) return false;
  return isIpv4(src, start, end) || isIpv6(src, start, end);
}

function isIpv4(src: Uint8Array, start: number, end: number): boolean {
  let dots = 0;
  let value = -1;
  for (let at = start; at < end; at++) {
    const byte = src[at]!;
    if (byte >= 48 && byte <= 57) {
      // A second digit behind a zero is a leading zero.
      if (value === 0) return false;
      value = value < 0 ? byte - 48 : value * 10 + byte - 48;
      if (value > 255) return false;
    } else if (byte === DOT && value >= 0 && dots < 3) {
      dots++;
      value = -1;
    } else {
      return false;
    }
  }
  return dots === 3 && value >= 0;
}

function isIpv6(src: Uint8Array, start: number, end: number): boolean {
  let groups = 0;
  let gap = false;
  let at = start;
  if (src[at] === COLON) {
    if (src[at + 1] !== COLON) return false;
    gap = true;
    at += 2;
  }
  while (at < end) {
    const groupStart = at;
    while (at < end && isHexDigit(src[at]!)) at++;
    if (at < end && src[at] === DOT) {
      if (!isIpv4(src, groupStart, end)) return false;
      groups += 2;
      at = end;
      break;
    }
    if (at === groupStart || at - groupStart > 4) return false;
    groups++;
    if (at === end) break;
    if (src[at++] !== COLON || at === end) return false;
    if (src[at] === COLON) {
      if (gap) return false;
      gap = true;
      at++;
    }
  }
  return gap ? groups < 8 : groups === 8;
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 32;
  return (byte >= 48 && byte <= 57) || (lower >= 97 && lower <= 102);
}
