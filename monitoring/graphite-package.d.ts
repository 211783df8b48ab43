/** What we use of the npm package `graphite` 0.1.5, which has no types of its own. */
declare module "graphite" {
  import type CarbonClient from "graphite/lib/CarbonClient.js";

  export default class GraphiteClient {
    constructor(properties: { readonly carbon: CarbonClient });
    /** @param timestampMs milliseconds; the package sends whole seconds */
    write(
      metrics: Readonly<Record<string, number>>,
      timestampMs: number,
      callback: (error?: Error | null) => void,
    ): void;
    end(): void;
  }
}

declare module "graphite/lib/CarbonClient.js" {
  import type { Socket } from "node:net";

  export default class CarbonClient {
    /** With a socket of the caller's the package does not connect by itself. */
    constructor(properties: { readonly socket: Socket });
  }
}
