import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Assembler, bytesOf, constant, give, loop, when, whilst, type I32 } from "../../../../worker/wasm/assembler.ts";
import { compileModule, instantiate } from "../../../../worker/wasm/instantiate.ts";

/** The module's functions, and its memory of one page. */
function load(assembler: Assembler) {
  const { exports, buffer } = instantiate(compileModule(assembler.module()), 1);
  return { exports, memory: Buffer.from(buffer) };
}

const anyInt = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 63, 64, -64, -65, 127, 128, 0x7fffffff, -0x80000000));

describe("32-bit integers", () => {
  const meanings: readonly (readonly [string, (a: I32, b: I32) => I32, (a: number, b: number) => number])[] = [
    ["add", (a, b) => a.add(b), (a, b) => a + b],
    ["sub", (a, b) => a.sub(b), (a, b) => a - b],
    ["mul", (a, b) => a.mul(b), (a, b) => Math.imul(a, b)],
    ["and", (a, b) => a.and(b), (a, b) => a & b],
    ["or", (a, b) => a.or(b), (a, b) => a | b],
    ["xor", (a, b) => a.xor(b), (a, b) => a ^ b],
    ["shl", (a, b) => a.shl(b), (a, b) => a << b],
    ["shr", (a, b) => a.shr(b), (a, b) => a >>> b],
    ["eq", (a, b) => a.eq(b), (a, b) => Number(a === b)],
    ["ne", (a, b) => a.ne(b), (a, b) => Number(a !== b)],
    ["lt", (a, b) => a.lt(b), (a, b) => Number(a >>> 0 < b >>> 0)],
    ["gt", (a, b) => a.gt(b), (a, b) => Number(a >>> 0 > b >>> 0)],
    ["le", (a, b) => a.le(b), (a, b) => Number(a >>> 0 <= b >>> 0)],
    ["ge", (a, b) => a.ge(b), (a, b) => Number(a >>> 0 >= b >>> 0)],
    ["not", (a) => a.not(), (a) => Number(a === 0)],
  ];
  const assembler = new Assembler();
  for (const [name, of] of meanings) assembler.func(name, 2, (_, a, b) => [give(of(a, b))]);
  assembler.func("div", 2, (_, a, b) => [give(a.div(b))]);
  assembler.func("trailingZeros", 1, (_, a) => [give(a.trailingZeros())]);
  const { exports } = load(assembler);

  it.each(meanings)("%s is what JavaScript has", (name, _, meaning) => {
    fc.assert(fc.property(anyInt, anyInt, (a, b) => exports[name]!(a, b) === (meaning(a, b) | 0)));
  });

  it("are divided without a sign", () => {
    fc.assert(
      fc.property(
        anyInt,
        anyInt,
        (a, b) => b === 0 || exports["div"]!(a, b) === (Math.floor((a >>> 0) / (b >>> 0)) | 0),
      ),
    );
    expect(exports["trailingZeros"]!(48)).toBe(4);
    expect(exports["trailingZeros"]!(0)).toBe(32);
  });

  it("stand in the code as they are", () => {
    fc.assert(
      fc.property(anyInt, (value) => {
        const constants = new Assembler();
        constants.func("value", 0, () => [give(constant(value))]);
        return load(constants).exports["value"]!() === value;
      }),
    );
  });
});

describe("64-bit integers", () => {
  it("are read, reckoned with and written, also as numbers of JavaScript", () => {
    const assembler = new Assembler();
    assembler.func("reckon", 0, ({ long }) => {
      const value = long();
      return [
        value.set(constant(0).eight()),
        constant(8).setEight(value.mul(3n).add(5n).sub(1n).xor(0xffn)),
        constant(16).setEight(value.shr(4n).shl(8n).and(0xfffffffffffn)),
        constant(24).setDouble(value),
        constant(32).setEight(value.div(1000n)),
        constant(40).setWord(value.int()),
        give(
          value
            .lt(1n << 40n)
            .add(value.eq(77n).mul(2))
            .add(value.ne(77n).mul(4)),
        ),
      ];
    });
    const { exports, memory } = load(assembler);
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 53n) - 1n), (value) => {
        memory.writeBigUInt64LE(value);
        const given = exports["reckon"]!();
        expect(memory.readBigUInt64LE(8)).toBe(BigInt.asUintN(64, (value * 3n + 4n) ^ 0xffn));
        expect(memory.readBigUInt64LE(16)).toBe(((value >> 4n) << 8n) & 0xfffffffffffn);
        expect(memory.readDoubleLE(24)).toBe(Number(value));
        expect(memory.readBigUInt64LE(32)).toBe(value / 1000n);
        expect(memory.readUInt32LE(40)).toBe(Number(value & 0xffffffffn));
        expect(given).toBe(Number(value < 1n << 40n) + (value === 77n ? 2 : 4));
      }),
    );
  });
});

describe("code", () => {
  it("takes ways, and goes round until it leaves", () => {
    const assembler = new Assembler();
    /** How many steps of Collatz lead to 1, at most a hundred. */
    const steps = assembler.func("steps", 1, ({ int }, n) => {
      const count = int();
      return [
        loop(({ again, leave }) => [
          when(n.eq(1), [leave]),
          when(n.and(1), [n.set(n.mul(3).add(1))], [n.set(n.shr(1))]),
          when(count.eq(99), [give(-1)]),
          count.set(count.add(1)),
          again,
        ]),
        give(count),
      ];
    });
    assembler.func("sum", 1, ({ int }, to) => {
      const [at, sum] = [int(), int()];
      return [at.set(1), whilst(at.le(to), [sum.set(sum.add(steps.call(at))), at.set(at.add(1))]), give(sum)];
    });
    const { exports } = load(assembler);
    expect([1, 2, 3, 7, 27].map((n) => exports["steps"]!(n))).toEqual([0, 1, 7, 16, -1]);
    expect(exports["sum"]!(4)).toBe(0 + 1 + 7 + 2);
  });

  it("sets a variable and has its value at once, and runs what is done for its effect", () => {
    const assembler = new Assembler();
    const write = assembler.func("write", 2, (_, at, value) => [
      at.setByte(value),
      at.setHalf(value, 2),
      at.setWord(value, 4),
      give(0),
    ]);
    assembler.func("both", 1, ({ int }, value) => {
      const twice = int();
      return [write.run(8, value), give(twice.tee(value.mul(2)).add(twice))];
    });
    const { exports, memory } = load(assembler);
    expect(exports["both"]!(0x01020304)).toBe(0x04080c10);
    expect(memory.subarray(8, 16).toString("hex")).toBe("0400040304030201");
    const read = new Assembler();
    read.func("read", 1, (_, at) => [give(at.byte().add(at.half(2)).add(at.word(4)))]);
    const reader = load(read);
    reader.memory.set(memory.subarray(8, 16), 300);
    expect(reader.exports["read"]!(300)).toBe(4 + 0x0304 + 0x01020304);
  });

  it("looks at sixteen bytes at a time", () => {
    const assembler = new Assembler();
    const vector = constant(0).sixteen();
    assembler.func("blanks", 0, () => [constant(64).setSixteen(vector), give(vector.eq(bytesOf(32)).bits())]);
    assembler.func("any", 0, () => [
      give(
        vector
          .lt(bytesOf(32))
          .or(vector.eq(bytesOf(34)))
          .any(),
      ),
    ]);
    const { exports, memory } = load(assembler);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.boolean(), (bytes, printable) => {
        const shown = bytes.map((byte) => (printable ? 32 + (byte & 7) : byte));
        memory.set(shown);
        expect(exports["blanks"]!()).toBe(shown.reduce((bits, byte, i) => bits | (byte === 32 ? 1 << i : 0), 0));
        expect(memory.subarray(64, 80)).toEqual(Buffer.from(shown));
        expect(exports["any"]!()).toBe(Number(shown.some((byte) => byte < 32 || byte === 34)));
      }),
    );
  });
});
