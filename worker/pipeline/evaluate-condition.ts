import type { Comparison, Condition, List, Scalar } from "./condition.ts";
import { isFields, type Json, type LogEvent } from "./event.ts";

/**
 * What a condition means, as Logstash has it: a missing field, null, `false`, `""` and `"false"` are false, all else is true
 * (0 and empty lists too); texts and numbers are never equal; `=~` looks at texts only. A comparison of what cannot be
 * compared (a missing field with `<`, a text with a number) is false, where Logstash ends the pipeline or gives the event up.
 *
 * @source Logstash 9.x: EventCondition.java; elastic/logstash#11917 and #16007 for `<` and a missing field
 */

/** Makes a search for a regular expression. */
export type CompileRegex = (source: string) => (text: string) => boolean;

/** A condition ready to be asked. */
export type ConditionTest = (event: LogEvent) => boolean;

/** Prepares a condition; regular expressions are compiled once, here. @throws what `compileRegex` throws */
export function prepareCondition(condition: Condition, compileRegex: CompileRegex): ConditionTest {
  switch (condition.kind) {
    case "truthy":
      return (event) => isTruthy(event.get(condition.field));
    case "not": {
      const operand = prepareCondition(condition.operand, compileRegex);
      return (event) => !operand(event);
    }
    case "and":
    case "or":
    case "xor":
    case "nand": {
      const left = prepareCondition(condition.left, compileRegex);
      const right = prepareCondition(condition.right, compileRegex);
      if (condition.kind === "and") return (event) => left(event) && right(event);
      if (condition.kind === "or") return (event) => left(event) || right(event);
      if (condition.kind === "nand") return (event) => !(left(event) && right(event));
      return (event) => left(event) !== right(event);
    }
    case "compare":
      return (event) => compares(valueOf(condition.left, event), condition.operator, valueOf(condition.right, event));
    case "match": {
      const matches = compileRegex(condition.pattern);
      return (event) => {
        const value = valueOf(condition.left, event);
        return typeof value === "string" && matches(value);
      };
    }
    case "in":
      return (event) => isIn(condition.left, condition.right, event);
  }
}

/** Whether a value counts as true. */
export function isTruthy(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== false && value !== "" && value !== "false";
}

function valueOf(scalar: Scalar, event: LogEvent): Json | undefined {
  return scalar.kind === "field" ? event.get(scalar.path) : scalar.value;
}

function compares(left: Json | undefined, operator: Comparison, right: Json | undefined): boolean {
  if (operator === "==") return isEqual(left, right);
  if (operator === "!=") return !isEqual(left, right);
  const order = orderOf(left, right);
  if (order === undefined) return false;
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** Negative, 0 or positive; undefined for what has no order. Texts are ordered by their bytes, as Ruby does. */
function orderOf(left: Json | undefined, right: Json | undefined): number | undefined {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string")
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return undefined;
}

/** Two missing fields are equal; lists and objects are by what they hold. */
function isEqual(left: Json | undefined, right: Json | undefined): boolean {
  const a = left ?? null;
  const b = right ?? null;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  if (!isFields(a) || !isFields(b)) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

function isIn(left: Scalar, right: Scalar | List, event: LogEvent): boolean {
  const value = valueOf(left, event);
  // Lists and objects are in nothing, and neither is null.
  if (value === undefined || typeof value === "object") return false;
  // The values of a written list are compared as texts: 200 is in ["200", "304"].
  if (right.kind === "list") return right.values.some((item) => String(item) === String(value));
  const container = right.kind === "constant" ? String(right.value) : event.get(right.path);
  if (typeof container === "string" && typeof value === "string") return container.includes(value);
  if (Array.isArray(container)) return container.includes(value);
  // A field is in a field that holds the same; a written number is not.
  return left.kind === "field" && right.kind === "field" && container === value;
}
