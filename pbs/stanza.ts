/** One job, queue or server: its id, and its attributes by the names as printed. Members of a group are `group.member`. */
export interface Stanza {
  readonly id: string;
  readonly attributes: ReadonlyMap<string, string>;
}
