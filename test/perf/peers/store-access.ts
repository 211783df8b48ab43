import { writeFile } from "node:fs/promises";
import type { Ids } from "../../../worker/contract/ids.ts";

/** What a program that loads is told of the store. */
export interface StoreAccess {
  readonly url: string;
  readonly authorityFile: string;
  readonly username: string;
  readonly password: string;
  readonly ids: Ids;
}

/** Writes it for a program to read: a password stands in no argument. */
export async function writeAccess(file: string, access: StoreAccess): Promise<void> {
  await writeFile(file, JSON.stringify(access), { mode: 0o600 });
}
