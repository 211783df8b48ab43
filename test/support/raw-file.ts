import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * A file of an archive as a stranger has it: itself, its gzip file, or what 7z takes out of the archive that its identity names.
 * @param scratch where what was taken out is put
 */
export function rawFile(archive: string, identity: string, scratch: string): string {
  const plain = join(archive, identity);
  for (const file of [plain, `${plain}.gz`]) if (existsSync(file)) return file;
  const parts = identity.split("/");
  for (let n = 1; n < parts.length; n++) {
    const packed = `${join(archive, ...parts.slice(0, n))}.7z`;
    if (!existsSync(packed)) continue;
    const file = join(scratch, identity);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, execFileSync("7z", ["x", "-so", packed, parts.slice(n).join("/")], { maxBuffer: 2 ** 30 }));
    return file;
  }
  throw new Error(`${archive} holds no ${identity}`);
}
