import { defineConfig } from "vitest/config";

/** Tests that share the machine's services, ports and cores run one file at a time, and after the quick ones. */
const alone = { fileParallelism: false, hookTimeout: 180_000, globalSetup: ["test/support/ground.ts"] };

/**
 * One project for each folder of tests. `npm test` runs them all, each fault once from a fixed seed; with `GRIDHARVEST_FAULTS=all`
 * (`npm run test:faults`) the whole matrix.
 */
export default defineConfig({
  test: {
    pool: "forks",
    projects: [
      project("unit", 0, { testTimeout: 10_000 }),
      project("contract", 1, { testTimeout: 60_000, globalSetup: ["test/support/ground.ts"] }),
      project("integration", 2, { ...alone, testTimeout: 180_000 }),
      project("browser", 3, { ...alone, testTimeout: 180_000 }),
      project("faults", 4, { ...alone, testTimeout: 600_000 }),
    ],
  },
});

function project(name: string, groupOrder: number, test: object) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], sequence: { groupOrder }, ...test },
  };
}
