import { FRACTION_AT, MINUTE_AT, SECOND_AT, type Quarter } from "../time/calendar.ts";
import { piece } from "./json-writer.ts";

/** Digits of a fraction that stand in a quarter's text. */
export const MILLISECONDS = 3;
const ZERO = 48;
const TIMESTAMP = '"@timestamp":"';

/**
 * What action and document of a line begin with: index, id or tag, time. Lines that follow each other differ there in few bytes, so
 * those of one quarter of an hour are copies of the same bytes, in which the line's part of the id, minute, second and fraction are written over.
 */
export class DocumentOpening {
  /** `{"create":{"_index":"…","_id":"…"}}`, a line end, `{"@timestamp":"2013-01-14T22:00:00.000Z"`; until the next `take`. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where in `bytes` the id's part that depends on the line begins, and where the id ends. */
  idAt = 0;
  idEnd = 0;
  /** Where the fields of the line's event begin. */
  eventAt = 0;
  minuteAt = 0;
  secondAt = 0;
  fractionAt = 0;

  /** By index: `{"create":{"_index":"…","_id":"<fileId>`. */
  readonly #actions: readonly Uint8Array[];
  readonly #beforeEvent: Uint8Array;
  readonly #beforeTime: Uint8Array;
  #quarter: Quarter | undefined;
  #idBytes = 0;
  #digits = 0;

  /** @param beforeEvent what stands between the action up to the id and the event's first field */
  constructor(actions: readonly Uint8Array[], beforeEvent: Uint8Array) {
    this.#actions = actions;
    this.#beforeEvent = beforeEvent;
    this.#beforeTime = Buffer.concat([beforeEvent, piece(TIMESTAMP)]);
  }

  /**
   * Makes the fields those of a line.
   * @param idBytes how long the id's part is that depends on the line
   * @param digits of the fraction, at least 3
   */
  take(quarter: Quarter, idBytes: number, digits: number): void {
    if (quarter !== this.#quarter || idBytes !== this.#idBytes || digits !== this.#digits) {
      this.#make(quarter, idBytes, digits);
    }
  }

  #make(quarter: Quarter, idBytes: number, digits: number): void {
    this.#quarter = quarter;
    this.#idBytes = idBytes;
    this.#digits = digits;
    const action = this.#actions[quarter.index]!;
    this.idAt = action.length;
    this.idEnd = action.length + idBytes;
    this.eventAt = this.idEnd + this.#beforeEvent.length;
    const timeAt = this.idEnd + this.#beforeTime.length;
    this.minuteAt = timeAt + MINUTE_AT;
    this.secondAt = timeAt + SECOND_AT;
    this.fractionAt = timeAt + FRACTION_AT + 1;

    const behindFraction = FRACTION_AT + 1 + MILLISECONDS;
    const length = timeAt + quarter.text.length + digits - MILLISECONDS;
    if (this.bytes.length !== length) this.bytes = new Uint8Array(length);
    this.bytes.fill(ZERO);
    this.bytes.set(action);
    this.bytes.set(this.#beforeTime, this.idEnd);
    this.bytes.set(quarter.text.subarray(0, behindFraction), timeAt);
    this.bytes.set(quarter.text.subarray(behindFraction), timeAt + behindFraction + digits - MILLISECONDS);
  }
}
