/** What tests on real parts share. */
export { browserPath, describeWith, type Ground } from "./ground-rule.ts";
export { listenersOf, peersOf } from "./listeners.ts";
export { leftoverProcesses, type FoundProcess } from "./processes.ts";
export { QUICK_JAVA } from "./quick-java.ts";
export { checkNothingRuns, privateStateDir } from "./state-dir.ts";
export { waitFor } from "./wait-for.ts";
