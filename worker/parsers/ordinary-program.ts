import { Assembler, bytesOf, constant, give, loop, when, whilst, type I32, type Step } from "../wasm/assembler.ts";
import { MESSAGE } from "./document-pieces.ts";
import { NameTable } from "./name-table.ts";
import { BACK, BUCKETS, ENTRY, KIND, MOST_DOCUMENTS, OPENING, PLACES, STATE } from "./ordinary-layout.ts";

/**
 * The part of the encoder that is WebAssembly: lines with the usual header and nothing unusual behind it, one after the other, without a call
 * between them. What it cannot tell or does not know it leaves to `OrdinaryLines`, and says which line and why.
 *
 *     Jan  4 23:20:01 HOST PROGRAM: MESSAGE           Jan  4 23:20:01 HOST PROGRAM[PID]: MESSAGE
 *
 * A document is put together of pieces that are known (of the quarter of an hour, host, program, file), copied 16 bytes at a time, and of the
 * line's own: minute, second, offset, process id, message. Copies may write up to 15 bytes too many, which the next ones write over.
 */

/** A longer line is left alone. */
export const LONGEST_LINE = 4096;
/** The shortest has a time, a blank, a host, a blank, a program and a colon. */
const SHORTEST_LINE = 20;

const SPACE = 32;
const QUOTE = 34;
const COLON = 58;
const OPEN = 91;
const BACKSLASH = 92;
const CLOSE = 93;
const LF = 10;
const CR = 13;
const TAB = 9;
const MESSAGE_BYTES = Buffer.from(MESSAGE);
/** What begins a line that stands for others: `message repeated 3 times: […]`. */
const REPEATED = Buffer.from("message ");
/** `}` and a line end. */
const CLOSING = 0x0a7d;

/** The module; it exports `run() → BACK`. */
export function ordinaryProgram(): Uint8Array<ArrayBuffer> {
  const assembler = new Assembler();
  const state = (of: keyof typeof STATE): I32 => constant(PLACES.state + STATE[of]).word();
  const setState = (of: keyof typeof STATE, value: I32 | number): Step =>
    constant(PLACES.state + STATE[of]).setWord(value);
  const digitOf = (at: I32, offset: number): I32 => at.byte(offset).sub(48);

  /** `(to, number below 10,000) → behind it`, without zeros before it. */
  const few = assembler.func("few", 2, ({ int }, to, number) => {
    const absent = int();
    return [
      absent.set(number.lt(1000).add(number.lt(100)).add(number.lt(10))),
      to.setWord(number.mul(4).word(PLACES.digits).shr(absent.mul(8))),
      give(to.add(4).sub(absent)),
    ];
  });
  const four = (to: I32, number: I32, offset = 0): Step => to.setWord(number.mul(4).word(PLACES.digits), offset);
  /** `(to, number below 100,000,000) → behind its eight digits`. */
  const eight = assembler.func("eight", 2, ({ int }, to, number) => {
    const high = int();
    return [high.set(number.div(10_000)), four(to, high), four(to, number.sub(high.mul(10_000)), 4), give(to.add(8))];
  });
  /** `(to, number) → behind its digits`. */
  const digits = assembler.func("digits", 2, ({ int }, to, number) => {
    const high = int();
    return [
      when(number.lt(10_000), [give(few.call(to, number))]),
      when(number.lt(100_000_000), [
        high.set(number.div(10_000)),
        to.set(few.call(to, high)),
        four(to, number.sub(high.mul(10_000))),
        give(to.add(4)),
      ]),
      high.set(number.div(100_000_000)),
      give(eight.call(few.call(to, high), number.sub(high.mul(100_000_000)))),
    ];
  });

  /** `(table, start of the name, its length, its hash) → its entry, or 0`. */
  const find = assembler.func("find", 4, ({ int }, table, start, length, hash) => {
    const entry = int();
    const at = int();
    const rest = int();
    return [
      entry.set(table.add(hash.and(BUCKETS - 1).mul(4)).word()),
      loop(({ again, leave }) => [
        when(entry.not(), [give(0)]),
        when(entry.word(ENTRY.hash).eq(hash).and(entry.word(ENTRY.length).eq(length)), [
          at.set(0),
          loop((bytes) => [
            rest.set(length.sub(at)),
            when(rest.lt(8), [
              // Of the last word only what belongs to the name.
              when(
                start
                  .add(at)
                  .eight()
                  .xor(entry.add(at).eight(ENTRY.name))
                  .shl(constant(64).sub(rest.mul(8)).long())
                  .eq(0n)
                  .or(rest.not()),
                [give(entry)],
              ),
              bytes.leave,
            ]),
            when(start.add(at).eight().ne(entry.add(at).eight(ENTRY.name)), [bytes.leave]),
            at.set(at.add(8)),
            bytes.again,
          ]),
        ]),
        entry.set(entry.word(ENTRY.next)),
        again,
        leave,
      ]),
      give(0),
    ];
  });

  assembler.func("run", 0, ({ int: variable, long }) => {
    const at = variable();
    const out = variable();
    const to = variable();
    const end = variable();
    const next = variable();
    const from = variable();
    const byte = variable();
    const bits = variable();
    const hash = variable();
    const start = variable();
    const opening = variable();
    const host = variable();
    const program = variable();
    const messageStart = variable();
    const pidStart = variable();
    const pidEnd = variable();
    const month = variable();
    const day = variable();
    const hour = variable();
    const minute = variable();
    const offset = long();

    const back = (why: number): Step[] => [setState("at", at), setState("out", out), give(why)];
    const unusual = back(BACK.unusual);
    const newName = (why: number): Step[] => [
      setState("nameStart", start),
      setState("nameEnd", from),
      setState("nameHash", hash),
      ...back(why),
    ];
    /** 16 bytes at a time, and then `to` stands behind them. */
    const copy = (source: I32, length: I32): Step[] => [
      from.set(0),
      loop(({ again }) => [
        to.add(from).setSixteen(source.add(from).sixteen()),
        from.set(from.add(16)),
        when(from.lt(length), [again]),
      ]),
      to.set(to.add(length)),
    ];
    const isNoDigit = (digit: I32): I32 => digit.gt(9);

    /** Month to minute, of which a quarter's opening is found. */
    const readTime: Step[] = [
      when(at.byte(3).ne(SPACE).or(at.byte(6).ne(SPACE)).or(at.byte(9).ne(COLON)), unusual),
      hash.set(at.word().and(0xffffff).or(0x202020)),
      month.set(0),
      whilst(month.lt(12).and(month.mul(4).word(PLACES.months).ne(hash)), [month.set(month.add(1))]),
      when(month.eq(12).or(isNoDigit(digitOf(at, 5))), unusual),
      day.set(digitOf(at, 5)),
      when(at.byte(4).ne(SPACE), [when(isNoDigit(digitOf(at, 4)), unusual), day.set(day.add(digitOf(at, 4).mul(10)))]),
      when(isNoDigit(digitOf(at, 7)).or(isNoDigit(digitOf(at, 8))), unusual),
      when(
        digitOf(at, 10)
          .gt(5)
          .or(isNoDigit(digitOf(at, 11))),
        unusual,
      ),
      hour.set(digitOf(at, 7).mul(10).add(digitOf(at, 8))),
      minute.set(digitOf(at, 10).mul(10).add(digitOf(at, 11))),
      when(day.not().or(day.gt(31)).or(hour.gt(23)), unusual),
      month.set(month.add(1).mul(32).add(day).mul(24).add(hour).mul(4).add(minute.div(15))),
      opening.set(month.mul(4).word(PLACES.quarters)),
      when(opening.not(), [setState("key", month), ...back(BACK.newQuarter)]),
      minute.set(opening.word(OPENING.minute).add(minute.sub(minute.div(15).mul(15)))),
      // Its two digits.
      minute.set(minute.mul(4).word(PLACES.digits).shr(16)),
      setState("opening", opening),
      setState("minute", minute),
      constant(PLACES.state + STATE.memo).setEight(at.eight()),
      constant(PLACES.state + STATE.memo).setWord(at.word(8), 8),
    ];

    /** A name up to where it ends, and its hash. @param ends whether `byte` at `from` is behind it */
    const readName = (ends: I32): Step[] => [
      start.set(from),
      hash.set(0),
      loop(({ again, leave }) => [
        byte.set(from.byte()),
        when(ends, [leave]),
        hash.set(hash.xor(byte).mul(0x01000193)),
        from.set(from.add(1)),
        again,
      ]),
      when(from.eq(start).or(from.sub(start).gt(NameTable.longest)), unusual),
    ];
    // The low bits, which choose the bucket, take part of all.
    const mix: Step = hash.set(hash.xor(hash.shr(15)));

    const readHost: Step[] = [
      from.set(at.add(16)),
      whilst(from.byte().eq(SPACE), [from.set(from.add(1))]),
      // A line end ends it too, and is no blank.
      ...readName(byte.le(SPACE).or(byte.eq(OPEN))),
      when(byte.ne(SPACE).or(from.sub(1).byte().eq(COLON)), unusual),
      mix,
      host.set(find.call(PLACES.hostBuckets, start, from.sub(start), hash)),
      when(host.not(), newName(BACK.newHost)),
      when(host.word(ENTRY.kind).eq(KIND.unusual), unusual),
    ];

    const followed = from.add(1);
    const readProgram: Step[] = [
      whilst(from.byte().eq(SPACE), [from.set(from.add(1))]),
      ...readName(
        byte
          .le(SPACE)
          .or(byte.eq(OPEN))
          .or(byte.eq(COLON).and(followed.ge(end).or(followed.byte().eq(SPACE)).or(followed.byte().eq(OPEN)))),
      ),
      when(byte.le(SPACE), unusual),
      mix,
      program.set(find.call(PLACES.programBuckets, start, from.sub(start), hash)),
      when(program.not(), newName(BACK.newProgram)),
      when(program.word(ENTRY.kind).eq(KIND.unusual), unusual),
      from.set(from.add(1)),
      pidStart.set(from),
      pidEnd.set(from),
      when(byte.eq(OPEN), [
        whilst(digitOf(from, 0).le(9), [from.set(from.add(1))]),
        pidEnd.set(from),
        hash.set(from.sub(pidStart)),
        // More digits might be too large a number, and a zero before others is not written.
        when(hash.not().or(hash.gt(9)).or(from.byte().ne(CLOSE)), unusual),
        when(pidStart.byte().eq(48).and(hash.gt(1)), unusual),
        from.set(from.add(1)),
        when(from.lt(end), [
          when(from.byte().eq(COLON), [from.set(from.add(1))], [when(from.byte().ne(SPACE), unusual)]),
        ]),
      ]),
      messageStart.set(from.add(from.lt(end).and(from.byte().eq(SPACE)))),
      when(messageStart.eight().eq(REPEATED.readBigInt64LE()), unusual),
    ];

    const writeOpening: Step[] = [
      to.set(out),
      ...copy(opening.add(OPENING.bytes), opening.word(OPENING.length)),
      offset.set(
        constant(PLACES.state + STATE.base)
          .eight()
          .add(at.long()),
      ),
      when(state("hasIds"), [
        from.set(out.add(opening.word(OPENING.idAt))),
        ...[30n, 20n, 10n, 0n].map((shift, i) =>
          from.setHalf(offset.shr(shift).int().and(1023).mul(2).half(PLACES.pairs), 2 * i),
        ),
      ]),
      out.add(opening.word(OPENING.minuteAt)).setHalf(minute),
      out.add(opening.word(OPENING.secondAt)).setHalf(at.half(13)),
    ];

    const writeNames: Step[] = [
      ...copy(host.word(ENTRY.valueAt), host.word(ENTRY.valueLength)),
      when(
        pidEnd.gt(pidStart),
        [
          ...copy(program.word(ENTRY.pidAt), program.word(ENTRY.pidLength)),
          to.setSixteen(pidStart.sixteen()),
          to.set(to.add(pidEnd.sub(pidStart))),
        ],
        copy(program.word(ENTRY.valueAt), program.word(ENTRY.valueLength)),
      ),
    ];

    const vector = from.sixteen();
    const writeMessage: Step[] = [
      to.setEight(MESSAGE_BYTES.readBigInt64LE()),
      to.setWord(MESSAGE_BYTES.readInt32LE(8), 8),
      to.set(to.add(12)),
      from.set(messageStart),
      loop(({ again, leave }) => [
        when(from.ge(end), [leave]),
        to.setSixteen(vector),
        bits.set(
          vector
            .lt(bytesOf(SPACE))
            .or(vector.eq(bytesOf(QUOTE)))
            .or(vector.eq(bytesOf(BACKSLASH)))
            .bits(),
        ),
        when(bits.not(), [to.set(to.add(16)), from.set(from.add(16)), again]),
        bits.set(bits.trailingZeros()),
        from.set(from.add(bits)),
        to.set(to.add(bits)),
        // What stands behind the line, such as its end.
        when(from.ge(end), [leave]),
        byte.set(from.byte()),
        when(byte.lt(SPACE), [when(byte.ne(TAB), unusual), byte.set(0x74)]),
        to.setHalf(byte.shl(8).or(BACKSLASH)),
        from.set(from.add(1)),
        to.set(to.add(2)),
        again,
      ]),
      // As many bytes too many are written as were read.
      to.set(to.sub(from.sub(end))),
    ];

    const writeEnding: Step[] = [
      ...copy(state("fileAt"), state("fileLength")),
      when(
        offset.lt(1n << 32n),
        [to.set(digits.call(to, offset.int()))],
        [
          hash.set(offset.div(100_000_000n).int()),
          to.set(digits.call(to, hash)),
          to.set(eight.call(to, offset.sub(hash.long().mul(100_000_000n)).int())),
        ],
      ),
      ...copy(state("endingAt"), state("endingLength")),
    ];

    const document: Step[] = [
      from.set(state("count")),
      from.mul(8).setDouble(offset, PLACES.offsets),
      from.mul(4).setWord(to.sub(out), PLACES.lengths),
      setState("count", from.add(1)),
      from.set(opening.word(OPENING.index).mul(4)),
      from.setWord(from.word(PLACES.perIndex).add(1), PLACES.perIndex),
      bits.set(program.word(ENTRY.lines)),
      when(bits.not(), [
        state("programs").mul(4).setWord(program, PLACES.seen),
        setState("programs", state("programs").add(1)),
      ]),
      program.setWord(bits.add(1), ENTRY.lines),
    ];

    return [
      at.set(state("at")),
      out.set(state("out")),
      opening.set(state("opening")),
      minute.set(state("minute")),
      loop(({ again }) => [
        when(at.ge(state("limit")), back(BACK.done)),
        end.set(at),
        loop((search) => [
          bits.set(end.sixteen().eq(bytesOf(LF)).bits()),
          when(bits.not(), [end.set(end.add(16)), search.again]),
        ]),
        end.set(end.add(bits.trailingZeros())),
        next.set(end.add(1)),
        when(end.gt(at), [end.set(end.sub(end.sub(1).byte().eq(CR)))]),
        from.set(end.sub(at)),
        when(from.lt(SHORTEST_LINE).or(from.gt(LONGEST_LINE)), unusual),
        when(out.ge(state("outLimit")).or(state("count").ge(MOST_DOCUMENTS)), back(BACK.full)),
        when(
          at
            .eight()
            .ne(constant(PLACES.state + STATE.memo).eight())
            .or(at.word(8).ne(constant(PLACES.state + STATE.memo).word(8))),
          readTime,
        ),
        when(at.byte(12).ne(COLON).or(at.byte(15).ne(SPACE)), unusual),
        when(
          digitOf(at, 13)
            .gt(5)
            .or(isNoDigit(digitOf(at, 14))),
          unusual,
        ),
        ...readHost,
        ...readProgram,
        ...writeOpening,
        ...writeNames,
        ...writeMessage,
        ...writeEnding,
        when(program.word(ENTRY.kind).eq(KIND.fields), [
          setState("end", end),
          setState("next", next),
          setState("messageStart", messageStart),
          setState("program", program.word(ENTRY.number)),
          setState("index", opening.word(OPENING.index)),
          setState("document", out),
          setState("at", at),
          setState("out", to),
          give(BACK.fields),
        ]),
        to.setHalf(CLOSING),
        to.set(to.add(2)),
        ...document,
        out.set(to),
        at.set(next),
        again,
      ]),
    ];
  });
  return assembler.module();
}
