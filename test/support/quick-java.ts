/**
 * Options for an Elasticsearch that lives for a minute: with the first compiler alone it is up after 0.6 of the processor time,
 * and never does enough to earn the second one's.
 */
export const QUICK_JAVA: readonly string[] = ["-XX:TieredStopAtLevel=1"];
