/** More texts than this are not looked for among those that are known: they would hardly come again. */
const MOST_KNOWN = 200_000;

/**
 * Texts that come again and again, such as hosts and days in the paths of an archive, once in memory. For as long as it is reached it holds up
 * to 200,000 of them.
 */
export class SharedTexts {
  readonly #known = new Map<string, string>();

  /** The same object for all texts that are equal; undefined when there are too many of them. */
  one(text: string): string | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_KNOWN) return undefined;
    this.#known.set(text, text);
    return text;
  }

  /** What a path is put together of: its directory with the slash, and its name. Where either would not be shared, nothing and the whole path. */
  partsOf(path: string): readonly [directory: string, name: string] {
    const cut = path.lastIndexOf("/") + 1;
    const directory = this.one(path.slice(0, cut));
    const name = this.one(path.slice(cut));
    return directory === undefined || name === undefined ? ["", path] : [directory, name];
  }
}
