import { definitionsPart } from "./definitions-part.ts";
import { expressionsPart } from "./expressions-part.ts";
import type { Part } from "./part.ts";
import { pipelinePart } from "./pipeline-part.ts";

/** What is compared with what, by name. */
export const PARTS: Readonly<Record<"pipeline" | "definitions" | "expressions", () => Part>> = {
  pipeline: pipelinePart,
  definitions: definitionsPart,
  expressions: expressionsPart,
};
