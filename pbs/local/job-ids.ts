import { SERVER_NAME } from "./settings.ts";

/** The number in `12`, `12.localhost`; undefined when the text is no job id of this server. */
export function sequenceOf(id: string): number | undefined {
  const match = /^(\d{1,15})(?:\.(.+))?$/.exec(id);
  if (!match || (match[2] !== undefined && match[2] !== SERVER_NAME)) return undefined;
  return Number(match[1]);
}

/** Whether the text begins like a job id at all. */
export function looksLikeJobId(id: string): boolean {
  return /^\d+(\[\d*\])?(\.|$)/.test(id);
}

/** As messages show it: with the server's name. */
export function fullId(id: string): string {
  return id.includes(".") ? id : `${id}.${SERVER_NAME}`;
}
