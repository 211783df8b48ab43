/** A time zone of the hosts that a pattern names. */
export interface HostZone {
  /** A host's name or address with `*` for any characters and `?` for one, in any case. */
  readonly host: string;
  /** IANA zone. */
  readonly timeZone: string;
}

/** The zone of a host; undefined when no pattern fits, or there is no host. */
export type HostZones = (host: string | undefined) => string | undefined;

/** Hosts of one file that are remembered: a file with random ones must not fill the memory. */
const REMEMBERED = 20_000;

/** Compiles a map from hosts to zones. The first pattern that fits counts. */
export function compileHostZones(zones: readonly HostZone[]): HostZones {
  const patterns = zones.map(({ host, timeZone }) => ({ pattern: hostPattern(host), timeZone }));
  const known = new Map<string, string | undefined>();
  return (host) => {
    if (host === undefined) return undefined;
    if (known.has(host)) return known.get(host);
    const found = patterns.find(({ pattern }) => pattern.test(host))?.timeZone;
    if (known.size >= REMEMBERED) known.clear();
    known.set(host, found);
    return found;
  };
}

function hostPattern(host: string): RegExp {
  const source = host
    .replaceAll(/[\\^$.|+()[\]{}/]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "is");
}
