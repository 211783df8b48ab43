const ASCII = Uint8Array.from({ length: 128 }, (_, byte) => byte);
/** They change the meaning of ASCII, or need state that ends with no line. */
const UNFIT = /^(?:utf-16|iso-2022|replacement|x-user-defined)/;

/**
 * What is wrong with the name of a legacy encoding (`not …`, `does not …`), and what to write instead, or undefined.
 *
 * Lines are cut and headers read before anything is decoded, so an encoding must leave ASCII alone.
 * @source labels: https://encoding.spec.whatwg.org/#names-and-labels (where `latin1` means windows-1252)
 */
export function encodingProblem(label: string): string | undefined {
  const decoder = decoderOf(label);
  if (!decoder) return "not an encoding that is known; write for example iso-8859-2, windows-1250 or latin1";
  if (decoder.encoding === "utf-8")
    return "not a legacy encoding but what is read first anyway; leave it out, or name what other lines are in";
  if (UNFIT.test(decoder.encoding) || decoder.decode(ASCII) !== String.fromCharCode(...ASCII)) {
    return "does not leave ASCII as it is, so lines could not be told apart; convert such files first";
  }
  return undefined;
}

function decoderOf(label: string) {
  try {
    return new TextDecoder(label);
  } catch {
    return undefined;
  }
}
