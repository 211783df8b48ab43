import { readRejectedDocuments, type RejectedDocument } from "../worker/contract/rejected-document.ts";
import { refuseMissing } from "./ledger-export.ts";

/**
 * The documents of a rejects file, one at a time.
 * @throws StoreError `REJECTS_MISSING`
 */
export async function* readRejects(file: string): AsyncGenerator<RejectedDocument> {
  try {
    yield* readRejectedDocuments(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    refuseMissing([file]);
  }
}
