import type { Ids } from "../../../worker/contract/ids.ts";
import type { TestRedis } from "../../support/redis-server.ts";
import type { BenchPlace } from "../bench-place.ts";
import type { Missing } from "../parse/contenders.ts";
import type { Sent } from "../store/measure-load.ts";
import type { SecureNode } from "../store/secure-node.ts";
import type { IngestCorpus } from "./corpus.ts";
import type { IngestOptions } from "./options.ts";

/** A program that is ready to load the file, again and again. */
export interface Loading {
  /** Loads it whole into the index, which is empty. Rejects or resolves some time after `kill`. */
  load(): Promise<Sent>;
  /** SIGKILL to all of it, in mid-load. */
  kill(): Promise<void>;
  /** Starts it again as one would, and waits until it has nothing more to do. */
  resume(): Promise<void>;
  end(): Promise<void>;
}

/** What contenders are started with. */
export interface IngestPlace extends BenchPlace {
  readonly signal: AbortSignal;
  readonly node: SecureNode;
  readonly redis: Pick<TestRedis, "client" | "port">;
  readonly corpus: IngestCorpus;
  /** The one index that the file's lines are of. */
  readonly index: string;
  readonly options: IngestOptions;
}

/** Who loads. */
export interface Contender {
  readonly name: string;
  readonly kind: "ceiling" | "gridharvest" | "peer";
  readonly ids: Ids;
  /** What the figure holds that others do not, or lacks. */
  readonly note: string;
  start(place: IngestPlace): Promise<Loading | Missing>;
}
