/**
 * Parts of metric paths. In Graphite a dot ends a part, and blanks, line ends and glob characters break the line
 * protocol or a query: whatever is not a letter, a digit, `_` or `-` becomes `_`.
 */
export function pathPart(text: string): string {
  const part = text.replaceAll(/[^A-Za-z0-9_-]/g, "_");
  return part === "" ? "_" : part;
}

/** The configured prefix: its dots stay, its parts are mended. */
export function prefixPath(prefix: string): string {
  return prefix.split(".").map(pathPart).join(".");
}

/** How many parts a prefix has: the campaign is the part after them. */
export function prefixDepth(prefix: string): number {
  return prefix.split(".").length;
}
