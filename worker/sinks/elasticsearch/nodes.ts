/** Which data node gets the next bulk: all in turn, those that did not answer left out for a while. */
export interface DataNodes {
  /** The nodes that there are now. Known ones keep their record. */
  update(urls: readonly string[]): void;
  /** The next node, or how long to wait until one may be tried again; undefined when there is none at all. */
  pick(now: number): { readonly url: string } | { readonly waitMs: number } | undefined;
  /** It did not answer. */
  failed(url: string, now: number): void;
  /** It answered, whatever it said. */
  answered(url: string): void;
}

interface Record {
  readonly url: string;
  failures: number;
  deadUntil: number;
}

/** Reads no clock: the time comes with each call, in milliseconds of a clock that nobody sets. */
export function createDataNodes(backoff: {
  readonly deadNodeMs: number;
  readonly longestBackoffMs: number;
}): DataNodes {
  let nodes: readonly Record[] = [];
  let turn = 0;
  return {
    update(urls) {
      const known = new Map(nodes.map((node) => [node.url, node]));
      nodes = [...new Set(urls)].sort().map((url) => known.get(url) ?? { url, failures: 0, deadUntil: 0 });
    },
    pick(now) {
      for (let i = 0; i < nodes.length; i++) {
        const node = nodes[(turn + i) % nodes.length];
        if (!node || node.deadUntil > now) continue;
        turn = (turn + i + 1) % nodes.length;
        return { url: node.url };
      }
      if (nodes.length === 0) return undefined;
      return { waitMs: Math.min(...nodes.map((node) => node.deadUntil)) - now };
    },
    failed(url, now) {
      const node = nodes.find((one) => one.url === url);
      if (!node) return;
      node.failures += 1;
      node.deadUntil =
        now + Math.min(backoff.longestBackoffMs, backoff.deadNodeMs * 2 ** Math.min(node.failures - 1, 30));
    },
    answered(url) {
      const node = nodes.find((one) => one.url === url);
      if (!node) return;
      node.failures = 0;
      node.deadUntil = 0;
    },
  };
}
