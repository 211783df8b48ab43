import { open } from "node:fs/promises";
import type { RejectedDocument } from "../worker/contract/rejected-document.ts";
import { refuseMissing } from "./ledger-export.ts";

/**
 * The documents of a rejects file, one at a time: a line may be as long as a line of a log in base64.
 * @throws StoreError `REJECTS_MISSING`
 */
export async function* readRejects(file: string): AsyncGenerator<RejectedDocument> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) {
    refuseMissing([file]);
    return;
  }
  for await (const line of handle.readLines()) if (line !== "") yield JSON.parse(line) as RejectedDocument;
}
