/** Settings as a configuration file has them. */
export type Settings = Readonly<Record<string, unknown>>;

export function isSettings(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Both together; the second counts where both say something. Lists are taken whole. */
export function mergeSettings(below: Settings, above: Settings): Settings {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const there = merged[key];
    merged[key] = isSettings(there) && isSettings(value) ? mergeSettings(there, value) : value;
  }
  return merged;
}
