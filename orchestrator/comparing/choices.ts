import type { MeasuredIndex } from "../estimate.ts";
import { DEFAULT_CHOICE, type IndexChoice } from "../profiles.ts";

/** The ways to keep documents that are compared, and what came of it. Pure. */

/** What a choice did with the sample. */
export interface ChoiceResult {
  readonly name: string;
  readonly choice: IndexChoice;
  /** Whether it is the one of the configuration. */
  readonly isConfigured: boolean;
  /** Why there are no figures: the store will not do it. */
  readonly problem?: string;
  readonly figures?: ChoiceFigures;
}

export interface ChoiceFigures {
  readonly rounds: number;
  /** CPU of the store, merges that the load caused included. */
  readonly storeMicrosPerDocument: number;
  /** On disk in one segment, over the services as the plan has them. */
  readonly indexBytesPerDocument: number;
  /** Of the sample as it is: what stands for services that it lacks. */
  readonly sampleBytesPerDocument: number;
  /** Of all documents of the plan. */
  readonly indexBytes: number;
  /** Documents that it would not take. */
  readonly rejected: number;
  readonly services: readonly ServiceBytes[];
}

export interface ServiceBytes {
  readonly service: string;
  readonly indexBytesPerDocument: number;
}

/** One load of the sample. */
export interface Load {
  readonly storeMicros: number;
  readonly documents: number;
  readonly rejected: number;
  /** By service. */
  readonly bytes: ReadonlyMap<string, { readonly bytes: number; readonly documents: number }>;
}

const OTHERS: readonly IndexChoice[] = [
  { mode: "standard", source: "stored", codec: "default" },
  { mode: "standard", source: "synthetic", codec: "best_compression" },
  { mode: "logsdb", source: "stored", codec: "best_compression" },
  { mode: "logsdb", source: "synthetic", codec: "best_compression" },
];

export function choiceName({ mode, source, codec }: IndexChoice): string {
  return `${mode}, ${source}, ${codec}`;
}

/** The default, those that are worth a look, and the configured one, each once. */
export function choicesFor(configured: IndexChoice): readonly IndexChoice[] {
  const all = [DEFAULT_CHOICE, ...OTHERS, configured];
  return all.filter((one, i) => all.findIndex((other) => choiceName(other) === choiceName(one)) === i);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/**
 * What rounds of one choice say together.
 * @param planned documents of the plan by service; services that the sample lacks are taken as the sample's average
 */
export function figuresOf(loads: readonly Load[], planned: ReadonlyMap<string, number>): ChoiceFigures {
  const services = [...(loads[0]?.bytes.keys() ?? [])].map((service): ServiceBytes => {
    const perDocument = loads.map(({ bytes }) => {
      const one = bytes.get(service);
      return one && one.documents > 0 ? one.bytes / one.documents : 0;
    });
    return { service, indexBytesPerDocument: median(perDocument) };
  });
  const average = median(
    loads.map(({ bytes }) => {
      const all = [...bytes.values()];
      return (
        all.reduce((sum, one) => sum + one.bytes, 0) /
        Math.max(
          1,
          all.reduce((sum, one) => sum + one.documents, 0),
        )
      );
    }),
  );
  const indexBytes = bytesOf(planned, services, average);
  const documents = [...planned.values()].reduce((sum, n) => sum + n, 0);
  return {
    rounds: loads.length,
    storeMicrosPerDocument: median(loads.map((load) => load.storeMicros / Math.max(1, load.documents))),
    indexBytesPerDocument: documents > 0 ? indexBytes / documents : average,
    sampleBytesPerDocument: average,
    indexBytes: Math.round(indexBytes),
    rejected: Math.max(0, ...loads.map(({ rejected }) => rejected)),
    services,
  };
}

function bytesOf(planned: ReadonlyMap<string, number>, services: readonly ServiceBytes[], otherwise: number): number {
  const known = new Map(services.map((one) => [one.service, one.indexBytesPerDocument]));
  return [...planned].reduce((sum, [service, documents]) => sum + documents * (known.get(service) ?? otherwise), 0);
}

/** What the configured choice showed, for the plan's own estimate; undefined when the store would not do it. */
export function measuredIndex(choices: readonly ChoiceResult[]): MeasuredIndex | undefined {
  const figures = choices.find(({ isConfigured }) => isConfigured)?.figures;
  if (!figures) return undefined;
  return {
    bytesPerDocument: new Map(figures.services.map((one) => [one.service, one.indexBytesPerDocument])),
    otherwise: figures.sampleBytesPerDocument,
  };
}
