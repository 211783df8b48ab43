import { describe, expect, it } from "vitest";
import { mayPass } from "../../../orchestrator/passing-error.ts";
import { ConfigError, StoreError } from "../../../worker/contract/errors.ts";

const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });

describe("an error that may pass by itself", () => {
  it.each<[string, unknown, boolean]>([
    ["an error of ours that says so", new StoreError("REDIS_AWAY", "away", { retryable: true }), true],
    ["an error of ours that does not", new ConfigError("USAGE", "no"), false],
    ["a command that a broken connection took along", new Error("Command aborted due to connection close"), true],
    ["a connection that was closed", new Error("Connection is closed."), true],
    ["Redis reading its file", new Error("LOADING Redis is loading the dataset in memory"), true],
    ["Redis that lost its users", new Error("WRONGPASS invalid username-password pair or user is disabled."), true],
    ["a peer that went away", reset, true],
    ["what a user may not do", new Error("NOPERM this user has no permissions"), false],
    ["a fault of ours", new TypeError("undefined is not a function"), false],
    ["something else that was thrown", "LOADING", false],
  ])("%s", (_what, error, expected) => {
    expect(mayPass(error)).toBe(expected);
  });
});
