import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../../worker/pipeline/event.ts";
import { CAPTURE_TYPES, captureType, convertCapture, type CaptureType } from "../../../../worker/grok/capture-type.ts";

describe("a capture as its type's value", () => {
  it.each<[type: CaptureType, text: string, value: Json | undefined]>([
    ["string", "12", "12"],
    ["string", "", ""],
    ["int", "12", 12],
    ["int", "-7", -7],
    ["int", "+7", 7],
    ["int", "007", 7],
    ["int", "12.9", 12],
    ["int", "12abc", 12],
    ["int", " 12", 12],
    ["int", "1_000", 1000],
    ["int", "_1", 0],
    ["int", "0x1f", 0],
    ["int", "abc", 0],
    ["int", "", 0],
    ["int", "-", 0],
    ["int", "-0", 0],
    ["long", "9007199254740991", 9007199254740991],
    ["long", "9007199254740993", "9007199254740993"],
    ["long", "+18446744073709551615", "18446744073709551615"],
    ["float", "1.5", 1.5],
    ["float", "-1", -1],
    ["float", "1e3", 1000],
    ["float", "1.", 1],
    ["float", ".5", 0],
    ["float", "7.3e-05s", 0.000073],
    ["float", "abc", 0],
    ["float", "", 0],
    ["double", "1_0.2_5", 10.25],
    ["double", "1e999", "1e999"],
    ["boolean", "true", true],
    ["boolean", "TRUE", true],
    ["boolean", "false", false],
    ["boolean", "yes", false],
    ["boolean", "1", false],
    ["ip", "10.0.0.1", "10.0.0.1"],
    ["ip", "2001:db8::1", "2001:db8::1"],
    ["ip", "10.0.0.256", undefined],
    ["ip", "host", undefined],
  ])("%s of %j", (type, text, value) => {
    expect(convertCapture(text, type, (address) => isIP(address) !== 0)).toBe(value);
  });
});

it("types are known by name, and string is the default", () => {
  for (const type of CAPTURE_TYPES) expect(captureType(type, "A:a")).toBe(type);
  expect(captureType(undefined, "A:a")).toBe("string");
});

it("another type is refused with the capture and the types that there are", () => {
  const message =
    "%{A:a:integer}: there is no type integer; the types are string, int, long, float, double, boolean, ip";
  expect(() => captureType("integer", "A:a:integer")).toThrow(
    expect.objectContaining({ code: "GROK_TYPE", message }) as Error,
  );
});
