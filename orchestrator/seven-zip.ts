import { execFile } from "node:child_process";
import { ConfigError, DataError } from "../worker/contract/errors.ts";
import {
  parseSevenZipList,
  SEVEN_ZIP_PROGRAMS,
  sevenZipListArgv,
  type SevenZipMember,
} from "../worker/contract/archive-format.ts";

/** Most bytes of a listing: about a million members. */
const LISTING_LIMIT_BYTES = 512 * 2 ** 20;

/**
 * The members of a 7z archive, in stream order.
 * @throws DataError `ARCHIVE_LISTING` for an archive that 7z cannot list; it costs that archive.
 * @throws ConfigError `SEVEN_ZIP_MISSING` when the program is not installed.
 */
export async function listSevenZip(file: string, signal: AbortSignal): Promise<readonly SevenZipMember[]> {
  for (const program of SEVEN_ZIP_PROGRAMS) {
    const listing = await run(program, file, signal);
    if (listing !== "no such program") return parseSevenZipList(listing, file);
  }
  throw new ConfigError(
    "SEVEN_ZIP_MISSING",
    `${file} is a 7z archive and none of ${SEVEN_ZIP_PROGRAMS.join(", ")} is on PATH; install p7zip-full`,
    { context: { file } },
  );
}

function run(program: string, file: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      signal,
      maxBuffer: LISTING_LIMIT_BYTES,
      // It lists times of the zone that it runs in.
      env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC" },
    };
    const child = execFile(program, [...sevenZipListArgv(file)], options, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (signal.aborted) reject(signal.reason as Error);
      else if (error.code === "ENOENT") resolve("no such program");
      else {
        // One line says "Open ERROR: …"; where it is missing, one stands below "ERRORS:".
        const said = /^(?:Open ERROR: (.+)|ERRORS:\r?\n(.+))$/m.exec(`${stderr}\n${stdout}`);
        const reason = said?.slice(1).find((part) => part !== undefined);
        reject(
          new DataError(
            "ARCHIVE_LISTING",
            `${program} cannot list ${file} (exit ${String(error.code)}): ${reason?.trim() ?? "no reason given"}; test it with \`7z t\``,
            { context: { file } },
          ),
        );
      }
    });
    // A question for a password finds the end of its input instead of waiting for a terminal.
    child.stdin?.end();
  });
}
