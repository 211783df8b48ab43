/** What a text says as JSON; undefined when it is none. For what others wrote, and a schema checks next. */
export function parseJson(text: string | undefined | null): unknown {
  try {
    return JSON.parse(text ?? "") as unknown;
  } catch {
    return undefined;
  }
}
