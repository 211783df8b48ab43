import { piece } from "../parsers/json-writer.ts";
import type { CompiledTree } from "./generate-tree.ts";

/** What is known of a program's lines before they are read. */
export class ProgramRules {
  /** Absent of lines that name none. */
  readonly name: string | undefined;
  /** `,"program":"sshd"` */
  readonly field: Uint8Array;
  /** `,"program":"sshd","pid":` */
  readonly fieldWithPid: Uint8Array;
  /** Whether its name holds a NUL. */
  readonly hasNul: boolean;
  /** Where the tally of this number counts its lines; a tally's own. */
  talliedBy = 0;
  slot = 0;
  readonly #make: () => CompiledTree | undefined;
  #tree: CompiledTree | undefined;
  #plainLines: number;

  /**
   * @param plainLines so many of its lines are done plainly before code is made for them: it costs as much as some dozens of lines,
   * and of most programs a file has few
   * @param make its code
   */
  constructor(name: string | undefined, plainLines: number, make: () => CompiledTree | undefined) {
    this.name = name;
    const field = name === undefined ? "" : `,"program":${JSON.stringify(name)}`;
    this.field = piece(field);
    this.fieldWithPid = piece(`${field},"pid":`);
    this.hasNul = name?.includes("\0") ?? false;
    this.#plainLines = plainLines;
    this.#make = make;
    if (plainLines === 0) this.#tree = make();
  }

  /** The code, if it has been made. */
  get ready(): CompiledTree | undefined {
    return this.#tree;
  }

  /** Whether the plain pipeline must do all of its lines. */
  get isPlain(): boolean {
    return this.#plainLines === 0 && this.#tree === undefined;
  }

  /** The code for the next line; `undefined`: the plain pipeline must do it. */
  get tree(): CompiledTree | undefined {
    if (this.#plainLines > 0 && --this.#plainLines === 0) this.#tree = this.#make();
    return this.#tree;
  }
}
