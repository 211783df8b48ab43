import { afterEach, describe, expect, it, vi } from "vitest";

import { missingPackages, requirePackages } from "../../../../orchestrator/services/packages.ts";

describe("Debian packages of the embedded services", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("a missing one is named with the command that installs it", () => {
    vi.stubEnv("PATH", "/nowhere");
    expect(missingPackages(["redis"])).toEqual(["redis-server"]);
    expect(() => requirePackages(["redis"])).toThrow(
      expect.objectContaining({
        code: "SERVICE_MISSING",
        message: expect.stringContaining("apt-get install -y --no-install-recommends redis-server ") as string,
      }),
    );
  });

  it("what is not wanted is not missed", () => {
    vi.stubEnv("PATH", "/nowhere");
    expect(missingPackages([])).toEqual([]);
  });
});
