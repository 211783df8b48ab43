import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ConfigError } from "../../worker/contract/errors.ts";

/** A file and what it must hash to, in lower-case hexadecimal. */
export interface Digested {
  readonly file: string;
  readonly algorithm: "sha256" | "sha512";
  readonly digest: string;
}

/** Reads the whole file. @throws ConfigError `ELASTICSEARCH_DIGEST` when it cannot be read or is another file than expected */
export async function verifyDigest({ file, algorithm, digest }: Digested, origin: string): Promise<void> {
  const hash = createHash(algorithm);
  try {
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    throw new ConfigError("ELASTICSEARCH_DIGEST", `cannot read ${file}; name an existing, readable file`, { cause });
  }
  const actual = hash.digest("hex");
  if (actual === digest) return;
  throw new ConfigError(
    "ELASTICSEARCH_DIGEST",
    `${file} (${origin}) has the ${algorithm} ${actual}, not ${digest}; it is damaged or another file: ` +
      "remove it and fetch it again, or correct the digest",
    { context: { file } },
  );
}
