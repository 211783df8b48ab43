export { writeSample } from "./write-sample.ts";
export type { SampleOptions } from "./options.ts";
export type { Manifest, ManifestFile } from "./truth.ts";
