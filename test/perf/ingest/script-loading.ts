import { join } from "node:path";
import type { Ids } from "../../../worker/contract/ids.ts";
import { startServer } from "../parse/measure.ts";
import { writeAccess } from "../peers/store-access.ts";
import type { IngestPlace, Loading } from "./loading.ts";

/**
 * A program with the protocol of `startServer` that loads a file into an index. Started again it begins at the beginning.
 * @param argv what comes before the file with its access
 * @param more what comes behind it
 * @param as whose password it has
 */
export async function scriptLoading(
  place: IngestPlace,
  ids: Ids,
  argv: readonly string[],
  as: "admin" | "loader" = "admin",
  more: readonly string[] = [],
): Promise<Loading> {
  const { dir, node, corpus, index, signal } = place;
  const file = join(dir, `access-${as}-${ids}.json`);
  await writeAccess(file, { url: node.url, authorityFile: node.authorityFile, ...node[as], ids });
  const start = () => startServer({ argv: [...argv, file, ...more], pin: undefined, signal });
  let server = start();
  const load = async () => {
    const { lines, cpuMicros, wallMicros } = await server.run(corpus.file, index, corpus.month);
    return { documents: lines, senderMicros: cpuMicros, wallMicros };
  };
  return {
    load,
    kill: () => server.kill(),
    async resume() {
      server = start();
      await load();
    },
    end: () => server.end(),
  };
}
