/** One line of a rejects file: a document that Elasticsearch refused for good. */
export interface RejectedDocument {
  readonly chunk: string;
  /** The file's identity and where the line begins in it, after decompression. */
  readonly file: string;
  readonly offset: number;
  readonly status: number;
  readonly type: string;
  readonly reason: string;
  readonly index: string;
  /** Empty where the store makes the ids. */
  readonly id: string;
  /** As the report groups rejects (`LineGroup`); absent in files of versions that did not write them. */
  readonly program?: string;
  readonly word?: string;
  /** The bytes of the line, its line end included, in base64. */
  readonly raw: string;
}
