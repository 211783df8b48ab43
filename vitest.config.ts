import { defineConfig } from "vitest/config";

/**
 * Tests on real parts come after the quick ones, two files at a time, however many cores there are: most of their time they wait, for a boot or for what must not
 * come before its time. Each has services, ports and namespaces of its own.
 */
const onRealParts = { maxWorkers: 2, hookTimeout: 300_000, globalSetup: ["test/support/ground.ts"] };

/**
 * One project for each folder of tests. `npm test` runs them all, each fault once from a fixed seed; with `GRIDHARVEST_FAULTS=all`
 * (`npm run test:faults`) the whole matrix.
 */
export default defineConfig({
  test: {
    pool: "forks",
    projects: [
      project("unit", 1, { testTimeout: 10_000 }),
      project("contract", 2, { testTimeout: 60_000, globalSetup: ["test/support/ground.ts"] }),
      project("integration", 3, { ...onRealParts, testTimeout: 180_000 }),
      project("browser", 4, { ...onRealParts, testTimeout: 180_000 }),
      project("faults", 5, { ...onRealParts, testTimeout: 600_000 }),
    ],
  },
});

function project(name: string, groupOrder: number, test: object) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], sequence: { groupOrder }, ...test },
  };
}
