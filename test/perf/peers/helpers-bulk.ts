import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Client } from "@elastic/elasticsearch";
import { readLine, readLines, type ScriptDocument } from "../parse/readline-script.ts";
import type { StoreAccess } from "./store-access.ts";

/**
 * What one writes in an afternoon with the npm client: readline, a RegExp, `helpers.bulk` with its defaults. `helpers-bulk.ts ACCESS.JSON`;
 * the protocol is that of `startServer`, the output an index. Its own ids are the lines' offsets.
 */
const access = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as StoreAccess;
const client = new Client({
  node: access.url,
  auth: { username: access.username, password: access.password },
  tls: { ca: readFileSync(access.authorityFile) },
});

for await (const request of createInterface({ input: process.stdin })) {
  const [file, index, month] = request.split("\t") as [string, string, string];
  const begin = performance.now();
  const before = process.cpuUsage();
  const lines = await load(file, index, Number(month.slice(0, 4)));
  const cpu = process.cpuUsage(before);
  process.stdout.write(`${lines} ${cpu.user + cpu.system} ${Math.round((performance.now() - begin) * 1000)}\n`);
}
await client.close();

async function load(file: string, index: string, year: number): Promise<number> {
  const offsets = new WeakMap<ScriptDocument, number>();
  async function* documents() {
    let offset = 0;
    for await (const line of readLines(file)) {
      const document = readLine(line, year, true);
      if (document && access.ids === "derived") offsets.set(document, offset);
      offset += line.length + 1;
      if (document) yield document;
    }
  }
  const { successful } = await client.helpers.bulk({
    datasource: documents(),
    onDocument: (document) => {
      const offset = offsets.get(document);
      return { create: { _index: index, ...(offset === undefined ? {} : { _id: String(offset) }) } };
    },
    onDrop: ({ status, error }) => {
      // There already: an earlier run wrote it.
      if (status !== 409) throw new Error(`a document was refused with ${status}: ${JSON.stringify(error)}`);
    },
  });
  return successful;
}
