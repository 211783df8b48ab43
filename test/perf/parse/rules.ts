import { DEFAULT_RULES } from "../../support/rules.ts";
import type { Rules } from "../../../worker/contract/rules.ts";

/** What is made of a line: header and message alone; with what sshd's and its neighbours' messages tell; with everything that a host says. */
export type Work = "header" | "ssh" | "all";

/** What the table calls it. */
export const WORK_NAMES: Readonly<Record<Work, string>> = {
  header: "header and message",
  ssh: "full ssh classification",
  all: "all default stages",
};

/** The default pipelines by the service whose files they are for; none for headers. */
const SERVICES: Readonly<Record<Work, string>> = { header: "bare", ssh: "auth", all: "syslog" };

/** The service of a file on which the rules do this work. */
export function serviceOf(work: Work): string {
  return SERVICES[work];
}

/** The default rules, and a pipeline without filters for the service `bare`. */
export const BENCH_RULES: Rules = {
  ...DEFAULT_RULES,
  pipelines: [
    ...DEFAULT_RULES.pipelines,
    { services: [SERVICES.header], file: "bare.yaml", text: "name: bare\nfilters: []\n" },
  ],
};
