import { ConfigError } from "../../worker/contract/errors.ts";
import { AGAIN_MODES, type AgainMode } from "../revisions/again.ts";

/** `--again` in help texts. */
export const AGAIN_HELP =
  "of a month that was loaded, as a new revision: failed (files not loaded whole), missing (these, new and changed ones), changed-parser (these, and what another pipeline has loaded), all, or none";

/** What `--again` says. @throws ConfigError `USAGE` */
export function againOf(text = "none"): AgainMode | "none" {
  const mode = AGAIN_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  if (text === "none") return text;
  throw new ConfigError("USAGE", `--again ${text}: write none, ${AGAIN_MODES.join(", ")}`);
}
