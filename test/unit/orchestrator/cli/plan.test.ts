import { expect, it } from "vitest";
import { lossText } from "../../../../orchestrator/cli/plan.ts";

const loss = { copyBytes: 2 ** 30, copyCoreSeconds: 90, reloadChunks: 1234, reloadBytes: 2 ** 31 };

it.each([
  [
    { ...loss, replicas: 0 },
    2,
    "0 (when a data node goes in mid-load, about 1,234 chunks (2.0 GiB) are loaded again on average; dataNodes.replicas 1 spares that for about 1.0 GiB more of index and 1 min 30 s of CPU more for indexing)",
  ],
  [
    { ...loss, replicas: 0 },
    1,
    "0 (when a data node goes in mid-load, about 1,234 chunks (2.0 GiB) are loaded again on average; dataNodes.replicas 1 spares that for about 1.0 GiB more of index and 1 min 30 s of CPU more for indexing, and needs two data nodes)",
  ],
  [
    { ...loss, replicas: 1 },
    2,
    "1 (about 1.0 GiB more of index and 1 min 30 s of CPU more for indexing, counted above but for the size; with 0, when a data node goes in mid-load, about 1,234 chunks (2.0 GiB) are loaded again on average)",
  ],
])("what copies cost and spare: %j on %i data nodes", (cost, dataNodes, text) => {
  expect(lossText(cost, dataNodes)).toBe(text);
});
