/** Where a node's Elasticsearch, Java, Node and program bundles come from. */
export { ensureElasticsearch, refuseChoice, type ElasticsearchRuntime } from "./elasticsearch.ts";
export { ensureGrokBanks } from "./grok-banks.ts";
export { type GrokBanks } from "./grok-jar.ts";
export { findJava, type Java } from "./java.ts";
export { commandLine, nodeBinary, NODE_MAJOR } from "./node.ts";
export { isCheckout, packageRoot } from "./package-root.ts";
export { ensureBundles, type Bundles } from "./bundles.ts";
export { stagedPrograms, stagePrograms, type Programs } from "./programs.ts";
