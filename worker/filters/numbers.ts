/**
 * Numbers in texts, so that nothing is lost: what a double cannot hold exactly (an integer beyond 2^53), or not at all, is no
 * number here and stays the text that it was. Elasticsearch's `long` reads such a text as well.
 */

/** Decimal notations that Java's BigDecimal and Ruby's BigDecimal take, with `_` between digits as Ruby allows. */
const DECIMAL = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]+)(?:\.([0-9a-f]+))?(?:p([+-]?\d+))?$/i;

/** What a text says: a number, `"inexact"` when a double cannot hold it, undefined when it is none. */
export type ReadNumber = number | "inexact" | undefined;

/** The integer that a decimal number begins with: 19 of `1.99e1`. */
export function readInteger(text: string): ReadNumber {
  if (!DECIMAL.test(text)) return undefined;
  const value = Math.trunc(Number(text.replaceAll("_", "")));
  return Number.isSafeInteger(value) ? withoutSign(value) : "inexact";
}

/** A decimal number. Digits beyond a double's are rounded, as everywhere. */
export function readFloat(text: string): ReadNumber {
  if (!DECIMAL.test(text)) return undefined;
  const value = Number(text.replaceAll("_", ""));
  return Number.isFinite(value) ? withoutSign(value) : "inexact";
}

/** `0x1f`, `-0x1.8p3`, as C writes them. */
export function readHexadecimal(text: string): ReadNumber {
  const match = HEXADECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = Number(`0x${whole}${fraction}`);
  const value = (sign === "-" ? -1 : 1) * digits * 2 ** (Number(exponent) - 4 * fraction.length);
  return Number.isSafeInteger(digits) && Number.isFinite(value) ? withoutSign(value) : "inexact";
}

/** JSON has no -0. */
function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}
