import { readFileSync } from "node:fs";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import type { Access } from "../../orchestrator/access.ts";

/**
 * A program: `node search.ts ACCESS.JSON PATH` asks Elasticsearch through a campaign's proxy as an operator does, and prints the
 * answer. As a program, so that a test can have it asked from another network namespace; the password stands in no argument.
 */
const [accessFile = "", path = "/"] = process.argv.slice(2);
const access = JSON.parse(readFileSync(accessFile, "utf8")) as Access;
const read = (file: string): string => readFileSync(file, "utf8");
const query = request(`${access.url}${path}`, {
  ca: read(access.ca),
  cert: read(access.certificate),
  key: read(access.key),
  auth: `${access.username}:${read(access.passwordFile)}`,
});
query.on("response", (response) => {
  void text(response).then((body) => {
    process.stdout.write(body);
    process.exitCode = response.statusCode === 200 ? 0 : 1;
  });
});
query.end();
