import type { SiteConfig } from "../launch.ts";
import { configOf, type ConfigOptions, type Io } from "./command.ts";

/** The resolved configuration of a command, with the state directory decided. */
export async function siteOf(
  options: ConfigOptions,
  io: Io,
  flags: Readonly<Record<string, { readonly flag: string; readonly value: unknown }>> = {},
): Promise<SiteConfig> {
  return (await configOf(options, io, flags)).config;
}
