/**
 * WebAssembly from expressions in TypeScript. A program is written where it is used, checked by the compiler, and becomes a module of a few
 * kilobytes when it starts: no tool, and no binary that nobody can read, stands between the two.
 *
 * A small part of the instructions is in it: 32-bit integers, 64-bit ones for several bytes at a time, vectors of 16 bytes.
 * Comparisons are of unsigned numbers, since all of them are addresses, lengths and bytes.
 *
 * @source WebAssembly Core Specification 2.0, chapter 5, binary format
 */

type Type = "i32" | "i64" | "v128";

const TYPE_CODES: Readonly<Record<Type, number>> = { i32: 0x7f, i64: 0x7e, v128: 0x7b };
const NO_RESULT = 0x40;
const END = 0x0b;

/** Bytes of code, in a place where these blocks are open, the innermost last. */
type Emit = (open: readonly object[]) => readonly number[];

/** Something that is done. */
export class Step {
  readonly emit: Emit;

  constructor(emit: Emit) {
    this.emit = emit;
  }
}

/** A value on the stack. */
class Value {
  readonly emit: Emit;

  constructor(emit: Emit) {
    this.emit = emit;
  }
}

type Int = I32 | number;
type Long = I64 | bigint;

/** A 32-bit integer; as an address and in comparisons it is unsigned. */
export class I32 extends Value {
  add(other: Int): I32 {
    return i32(0x6a, this, other);
  }
  sub(other: Int): I32 {
    return i32(0x6b, this, other);
  }
  mul(other: Int): I32 {
    return i32(0x6c, this, other);
  }
  div(other: Int): I32 {
    return i32(0x6e, this, other);
  }
  and(other: Int): I32 {
    return i32(0x71, this, other);
  }
  or(other: Int): I32 {
    return i32(0x72, this, other);
  }
  xor(other: Int): I32 {
    return i32(0x73, this, other);
  }
  shl(other: Int): I32 {
    return i32(0x74, this, other);
  }
  shr(other: Int): I32 {
    return i32(0x76, this, other);
  }
  eq(other: Int): I32 {
    return i32(0x46, this, other);
  }
  ne(other: Int): I32 {
    return i32(0x47, this, other);
  }
  lt(other: Int): I32 {
    return i32(0x49, this, other);
  }
  gt(other: Int): I32 {
    return i32(0x4b, this, other);
  }
  le(other: Int): I32 {
    return i32(0x4d, this, other);
  }
  ge(other: Int): I32 {
    return i32(0x4f, this, other);
  }
  /** 1 for 0, else 0. */
  not(): I32 {
    return i32(0x45, this);
  }
  /** How many of the lowest bits are 0. */
  trailingZeros(): I32 {
    return i32(0x68, this);
  }
  long(): I64 {
    return new I64(chain([0xad], this));
  }

  /** What stands in memory at this address. */
  byte(offset = 0): I32 {
    return i32([0x2d, 0, ...unsigned(offset)], this);
  }
  half(offset = 0): I32 {
    return i32([0x2f, 0, ...unsigned(offset)], this);
  }
  word(offset = 0): I32 {
    return i32([0x28, 0, ...unsigned(offset)], this);
  }
  eight(offset = 0): I64 {
    return new I64(chain([0x29, 0, ...unsigned(offset)], this));
  }
  sixteen(offset = 0): V128 {
    return new V128(chain([0xfd, 0, 0, ...unsigned(offset)], this));
  }
  setByte(value: Int, offset = 0): Step {
    return store([0x3a, 0], this, constant(value), offset);
  }
  setHalf(value: Int, offset = 0): Step {
    return store([0x3b, 0], this, constant(value), offset);
  }
  setWord(value: Int, offset = 0): Step {
    return store([0x36, 0], this, constant(value), offset);
  }
  setEight(value: Long, offset = 0): Step {
    return store([0x37, 0], this, long(value), offset);
  }
  setSixteen(value: V128, offset = 0): Step {
    return store([0xfd, 11, 0], this, value, offset);
  }
  /** As a number of JavaScript. */
  setDouble(value: I64, offset = 0): Step {
    return store([0x39, 0], this, new Value(chain([0xba], value)), offset);
  }
}

export class I64 extends Value {
  add(other: Long): I64 {
    return new I64(chain([0x7c], this, long(other)));
  }
  sub(other: Long): I64 {
    return new I64(chain([0x7d], this, long(other)));
  }
  mul(other: Long): I64 {
    return new I64(chain([0x7e], this, long(other)));
  }
  div(other: Long): I64 {
    return new I64(chain([0x80], this, long(other)));
  }
  and(other: Long): I64 {
    return new I64(chain([0x83], this, long(other)));
  }
  xor(other: Long): I64 {
    return new I64(chain([0x85], this, long(other)));
  }
  shl(other: Long): I64 {
    return new I64(chain([0x86], this, long(other)));
  }
  shr(other: Long): I64 {
    return new I64(chain([0x88], this, long(other)));
  }
  eq(other: Long): I32 {
    return i32(0x51, this, long(other));
  }
  ne(other: Long): I32 {
    return i32(0x52, this, long(other));
  }
  lt(other: Long): I32 {
    return i32(0x54, this, long(other));
  }
  /** Its lower half. */
  int(): I32 {
    return i32(0xa7, this);
  }
}

/** 16 bytes; comparisons give 255 for each byte that they hold for. */
export class V128 extends Value {
  eq(other: V128): V128 {
    return new V128(chain([0xfd, 0x23], this, other));
  }
  lt(other: V128): V128 {
    return new V128(chain([0xfd, 0x26], this, other));
  }
  or(other: V128): V128 {
    return new V128(chain([0xfd, 0x50], this, other));
  }
  /** 1 where a bit is set, else 0. */
  any(): I32 {
    return i32([0xfd, 0x53], this);
  }
  /** The highest bit of each byte, that of the first one lowest. */
  bits(): I32 {
    return i32([0xfd, 0x64], this);
  }
}

/** A variable of a function. */
export class Local extends I32 {
  readonly #index: number;

  constructor(index: number) {
    super(() => [0x20, ...unsigned(index)]);
    this.#index = index;
  }

  set(value: Int): Step {
    return new Step(chain([0x21, ...unsigned(this.#index)], constant(value)));
  }
  /** `set`, and the value. */
  tee(value: Int): I32 {
    return i32([0x22, ...unsigned(this.#index)], constant(value));
  }
}

/** Another. */
export class LongLocal extends I64 {
  readonly #index: number;

  constructor(index: number) {
    super(() => [0x20, ...unsigned(index)]);
    this.#index = index;
  }

  set(value: Long): Step {
    return new Step(chain([0x21, ...unsigned(this.#index)], long(value)));
  }
}

/** A place that steps can go back to or behind. */
export interface Loop {
  /** Begins it again. */
  readonly again: Step;
  /** Goes behind it. */
  readonly leave: Step;
}

/** Steps that are done once, unless they begin again. */
export function loop(body: (loop: Loop) => readonly Step[]): Step {
  const outer = {};
  const inner = {};
  const steps = body({ again: new Step(jump(0x0c, inner)), leave: new Step(jump(0x0c, outer)) });
  return new Step((open) => [
    ...[0x02, NO_RESULT, 0x03, NO_RESULT],
    ...all(steps, [...open, outer, inner]),
    ...[END, END],
  ]);
}

export function whilst(condition: I32, body: readonly Step[]): Step {
  return loop(({ again }) => [when(condition, [...body, again])]);
}

export function when(condition: I32, then: readonly Step[], otherwise: readonly Step[] = []): Step {
  return new Step((open) => {
    const inside = [...open, {}];
    const rest = otherwise.length === 0 ? [] : [0x05, ...all(otherwise, inside)];
    return [...condition.emit(open), 0x04, NO_RESULT, ...all(then, inside), ...rest, END];
  });
}

/** Ends the function. */
export function give(value: Int): Step {
  return new Step(chain([0x0f], constant(value)));
}

export function bytesOf(byte: number): V128 {
  return new V128(chain([0xfd, 15], constant(byte)));
}

/** A function that a program calls, or that JavaScript does. */
export interface Func {
  readonly call: (...given: readonly Int[]) => I32;
  /** Calls it for what it does. */
  readonly run: (...given: readonly Int[]) => Step;
}

/** What a function's variables are made with. */
export interface Variables {
  readonly int: () => Local;
  readonly long: () => LongLocal;
}

/** Functions that take 32-bit integers and give one. */
export class Assembler {
  readonly #functions: { readonly name: string; readonly params: number; readonly body: readonly number[] }[] = [];

  /** @param body ends with `give` on every way through it */
  func(name: string, params: number, body: (variables: Variables, ...params: Local[]) => readonly Step[]): Func {
    const types: Type[] = [];
    const next = (type: Type) => params + types.push(type) - 1;
    const variables = { int: () => new Local(next("i32")), long: () => new LongLocal(next("i64")) };
    const steps = body(variables, ...Array.from({ length: params }, (_, i) => new Local(i)));
    const locals = types.map((type) => [1, TYPE_CODES[type]]);
    // The end of a function that has given something before is never reached.
    const code = [...vector(locals), ...all(steps, []), 0x00, END];
    const index = this.#functions.push({ name, params, body: [...unsigned(code.length), ...code] }) - 1;
    const call = (...given: readonly Int[]): I32 => i32([0x10, ...unsigned(index)], ...given);
    return { call, run: (...given) => new Step((open) => [...call(...given).emit(open), 0x1a]) };
  }

  /** The module: it imports its memory, `m.memory`, and exports each function under its name. */
  module(): Uint8Array<ArrayBuffer> {
    const functions = this.#functions;
    const longest = Math.max(...functions.map(({ params }) => params));
    const section = (id: number, content: readonly number[]) => [id, ...unsigned(content.length), ...content];
    const signature = (params: number) => [
      0x60,
      ...vector(Array.from({ length: params }, () => [TYPE_CODES.i32])),
      ...vector([[TYPE_CODES.i32]]),
    ];
    return Uint8Array.from([
      ...[0, ...text("asm").slice(1), 1, 0, 0, 0],
      ...section(1, vector(Array.from({ length: longest + 1 }, (_, params) => signature(params)))),
      ...section(2, vector([[...text("m"), ...text("memory"), 2, 0, 1]])),
      ...section(3, vector(functions.map(({ params }) => unsigned(params)))),
      ...section(7, vector(functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]))),
      ...section(10, vector(functions.map(({ body }) => body))),
    ]);
  }
}

function i32(code: number | readonly number[], ...operands: readonly (Value | number)[]): I32 {
  return new I32(chain(typeof code === "number" ? [code] : code, ...operands));
}

/** The operands, then the instruction. */
function chain(code: readonly number[], ...operands: readonly (Value | number)[]): Emit {
  const values = operands.map((one) => (typeof one === "number" ? constant(one) : one));
  return (open) => [...values.flatMap((value) => value.emit(open)), ...code];
}

function store(code: readonly number[], address: Value, value: Value, offset: number): Step {
  return new Step(chain([...code, ...unsigned(offset)], address, value));
}

function jump(code: number, to: object): Emit {
  return (open) => [code, ...unsigned(open.length - 1 - open.lastIndexOf(to))];
}

function all(steps: readonly Step[], open: readonly object[]): number[] {
  return steps.flatMap((step) => [...step.emit(open)]);
}

/** A constant, if it is not a value already. */
export function constant(value: Int): I32 {
  return typeof value === "number" ? new I32(() => [0x41, ...signed(BigInt(value | 0))]) : value;
}

function long(value: Long): I64 {
  return typeof value === "bigint" ? new I64(() => [0x42, ...signed(BigInt.asIntN(64, value))]) : value;
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): number[] {
  return [value.length, ...Buffer.from(value)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: bigint): number[] {
  const low = Number(value & 127n);
  const rest = value >> 7n;
  const done = (rest === 0n && (low & 64) === 0) || (rest === -1n && (low & 64) !== 0);
  return done ? [low] : [low | 128, ...signed(rest)];
}
