import { describeError } from "../../worker/contract/errors.ts";
import type { Finding } from "../doctor.ts";

/** What is missing, from an error. Our messages end in the remedy, after a semicolon. */
export function findingOf(error: unknown): Finding {
  const message = describeError(error);
  const at = message.lastIndexOf("; ");
  return at < 0
    ? { level: "missing", text: message }
    : { level: "missing", text: message.slice(0, at), remedy: message.slice(at + 2) };
}
