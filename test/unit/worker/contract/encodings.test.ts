import { expect, it } from "vitest";
import { encodingProblem } from "../../../../worker/contract/encodings.ts";

it.each([
  ["iso-8859-1", undefined],
  ["latin1", undefined],
  ["latin2", undefined],
  ["ISO-8859-2", undefined],
  ["windows-1250", undefined],
  ["windows-1252", undefined],
  ["koi8-r", undefined],
  ["ibm866", undefined],
  ["gb18030", undefined],
  ["euc-jp", undefined],
  ["shift_jis", /^does not leave ASCII/],
  ["utf-8", /^not a legacy encoding/],
  ["unicode-1-1-utf-8", /^not a legacy encoding/],
  ["utf-16", /^does not leave ASCII/],
  ["utf-16be", /^does not leave ASCII/],
  ["iso-2022-jp", /^does not leave ASCII/],
  ["x-user-defined", /^(does not leave ASCII|not an encoding)/],
  ["utf-7", /^not an encoding that is known/],
  ["", /^not an encoding that is known/],
  ["cp850", /^not an encoding that is known/],
])("%s as a legacy encoding: %s", (label, problem) => {
  if (problem === undefined) expect(encodingProblem(label)).toBeUndefined();
  else expect(encodingProblem(label)).toMatch(problem);
});
