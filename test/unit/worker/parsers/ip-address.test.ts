import fc from "fast-check";
import { isIP } from "node:net";
import { describe, expect, it } from "vitest";
import { isIpAddress } from "../../../../worker/parsers/ip-address.ts";

function accepts(text: string): boolean {
  const bytes = Buffer.from(`[${text}]`);
  return isIpAddress(bytes, 1, bytes.length - 1);
}

describe("isIpAddress", () => {
  it.each([
    "0.0.0.0",
    "255.255.255.255",
    "10.0.0.1",
    "::",
    "::1",
    "1::",
    "2001:db8::7",
    "2001:DB8:0:0:0:0:0:7",
    "1:2:3:4:5:6:7:8",
    "1::3:4:5:6:7:8",
    "::ffff:10.0.0.1",
    "1:2:3:4:5:6:10.0.0.1",
    "0000:0000:0000:0000:0000:ffff:255.255.255.255",
  ])("takes %s", (text) => {
    expect(accepts(text)).toBe(true);
    expect(isIP(text)).not.toBe(0);
  });

  it.each([
    "",
    "1",
    "10.0.0",
    "10.0.0.0.1",
    "10.0.0.256",
    "10.0.0.01",
    "10.0.0.",
    ".10.0.0",
    "10..0.1",
    "10.0.0.1 ",
    "-1.0.0.1",
    ":",
    ":1",
    "1:",
    ":::",
    "1::2::3",
    "12345::",
    "g::1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:10.0.0.1",
    "::10.0.0.256",
    "10.0.0.1::",
    "fe80::1%eth0",
    "unknown",
    "1.2.3.4".repeat(10),
  ])("refuses %j", (text) => {
    expect(accepts(text)).toBe(false);
  });

  it("agrees with Node on anything that looks like an address, but for zones", () => {
    const part = fc.oneof(
      fc.constantFrom(":", "::", ".", "0", "00", "1", "25", "255", "256", "f", "ffff", "12345", "%", "g"),
    );
    const whole = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(part, { maxLength: 20 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(whole, (text) => {
        expect(accepts(text)).toBe(isIP(text) !== 0 && !text.includes("%"));
      }),
      { numRuns: 5000 },
    );
  });
});
