import { measuredIndexBytes, type MeasuredIndex } from "../estimate.ts";
import type { IndexDensity } from "../index-size.ts";
import { median } from "../median.ts";
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
  /** On disk in one segment, over the services and in indices as large as the plan has them. */
  readonly indexBytesPerDocument: number;
  /** Of all documents of the plan. */
  readonly indexBytes: number;
  /** Documents that it would not take. */
  readonly rejected: number;
  /** What the sample showed, in an index of each service's own. */
  readonly services: readonly ServiceDensity[];
  /** Of all of them on average: what stands for services that it lacks. */
  readonly otherwise: IndexDensity;
}

export interface ServiceDensity extends IndexDensity {
  readonly service: string;
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

/**
 * What rounds of one choice say together.
 * @param planned documents of the plan by service; services that the sample lacks are taken as the sample's average
 * @param days indices that they go to
 */
export function figuresOf(loads: readonly Load[], planned: ReadonlyMap<string, number>, days: number): ChoiceFigures {
  const all = (of: (one: { readonly bytes: number; readonly documents: number }) => number): number[] =>
    loads.map(({ bytes }) => [...bytes.values()].reduce((sum, one) => sum + of(one), 0));
  const densityOf = (bytes: readonly number[], documents: readonly number[]): IndexDensity => ({
    bytesPerDocument: median(bytes.map((one, i) => one / Math.max(1, documents[i]!))),
    documents: Math.max(1, median(documents)),
    segments: 1,
  });
  const services = [...(loads[0]?.bytes.keys() ?? [])].map((service): ServiceDensity => {
    const some = loads.flatMap(({ bytes }) => bytes.get(service) ?? []);
    const density = densityOf(
      some.map(({ bytes }) => bytes),
      some.map((one) => one.documents),
    );
    return { service, ...density };
  });
  const each = 1 / Math.max(1, services.length);
  const otherwise = densityOf(
    all(({ bytes }) => bytes * each),
    all((one) => one.documents * each),
  );
  const indexBytes = measuredIndexBytes(planned, measuredOf(services, otherwise), days, 1);
  const documents = [...planned.values()].reduce((sum, n) => sum + n, 0);
  return {
    rounds: loads.length,
    storeMicrosPerDocument: median(loads.map((load) => load.storeMicros / Math.max(1, load.documents))),
    indexBytesPerDocument: documents > 0 ? indexBytes / documents : otherwise.bytesPerDocument,
    indexBytes: Math.round(indexBytes),
    rejected: Math.max(0, ...loads.map(({ rejected }) => rejected)),
    services,
    otherwise,
  };
}

function measuredOf(services: readonly ServiceDensity[], otherwise: IndexDensity): MeasuredIndex {
  return { densities: new Map(services.map((one) => [one.service, one])), otherwise };
}

/** What the configured choice showed, for the plan's own estimate; undefined when the store would not do it. */
export function measuredIndex(choices: readonly ChoiceResult[]): MeasuredIndex | undefined {
  const figures = choices.find(({ isConfigured }) => isConfigured)?.figures;
  return figures && measuredOf(figures.services, figures.otherwise);
}
