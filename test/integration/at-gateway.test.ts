import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { atGateway, listenAtGateway } from "../../orchestrator/gateway/index.ts";
import type { Config } from "../../orchestrator/config-schema.ts";
import { createLog } from "../../orchestrator/log.ts";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import { describeWith, privateStateDir } from "../support/index.ts";

const log = createLog({ level: "error" });
const never = new AbortController().signal;

/** The gateway host is this machine, reached as another one would be: through a program that is given the command. */
describe("what is asked of the gateway host", () => {
  const dir = privateStateDir("at-gateway");
  const script = (name: string, text: string): string => {
    const file = join(dir, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  // As ssh does: the words become one line for a shell, after whatever the login says.
  const shell = script("shell", `shift; echo "Welcome to $1"; exec sh -c "$*"`);
  const network = (command: readonly string[]): Config["network"] => ({
    provider: "site",
    gatewayAddress: "127.0.0.1",
    gateway: { placement: "command", command: [...command] },
    namespaces: {},
  });
  const site = {
    stateDir: dir,
    services: { redis: {}, graphite: {}, runAsUid: 20120 },
    metrics: { prefix: "test", interval: 1 },
  };

  it("is done there, and the answer comes back", async () => {
    const ask = (command: readonly string[]) =>
      atGateway(network(command), { act: "services-status", site }, log, never);
    const here = await ask([]);
    expect(here.map(({ name, state }) => [name, state])).toEqual([
      ["redis", "down"],
      ["carbon", "down"],
      ["graphiteWeb", "down"],
    ]);
    expect(await ask(["env"])).toEqual(here);
    expect(await ask([shell, "gw"])).toEqual(here);
  });

  it("fails as it failed there: kind, code, message", async () => {
    mkdirSync(join(dir, "services"), { recursive: true });
    const broken = { ...site, services: { ...site.services, redis: { url: "http://no" } } };
    const claim = { act: "claim", site: broken, campaign: "c", tag: "t" } as const;
    const here = await atGateway(network([]), claim, log, never).catch((error: unknown) => error);
    expect(here).toMatchObject({ name: "ConfigError", code: "SERVICES_CONFIG", retryable: false });
    const there = await atGateway(network([shell, "gw"]), claim, log, never).catch((error: unknown) => error);
    expect(there).toMatchObject({ name: "ConfigError", code: "SERVICES_CONFIG", message: (here as Error).message });
  });

  it.each([
    ["a program that is not there", [join("/", "no", "ssh"), "gw"]],
    ["a host that does not answer", [script("refuse", "echo 'connect to host gw: refused' >&2; exit 255"), "gw"]],
    ["a host that says something else", [script("chat", "echo hello"), "gw"]],
  ])("may be tried again after %s", async (_what, command) => {
    const asked = atGateway(network(command), { act: "find", dir }, log, never);
    await expect(asked).rejects.toMatchObject({ code: "GATEWAY_UNREACHABLE", retryable: true });
  });

  it("ends with the one who asks", async () => {
    const stop = new AbortController();
    const hang = script("hang", "exec sleep 600");
    const asked = atGateway(network([hang]), { act: "find", dir }, log, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(asked).rejects.toThrow("stopped");
  });

  describe("somebody who listens there", () => {
    const connects = (port: number): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = createConnection({ host: "127.0.0.1", port });
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        socket.once("close", () => socket.destroy());
      });

    it.each([
      ["here", []],
      ["through a prefix", ["env"]],
      ["through a shell", [shell, "gw"]],
    ])("does so until told otherwise, %s", async (_where, command) => {
      const listener = await listenAtGateway(network(command), log, never);
      expect(await connects(listener.port)).toBe(true);
      await listener.close();
      expect(await connects(listener.port)).toBe(false);
    });

    it("ends when its asker does, whatever way", async () => {
      const { node, args } = commandLine();
      const child = spawn(node, [...args, "at-gateway"], { stdio: ["pipe", "pipe", "inherit"] });
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.stdin.write(`${JSON.stringify({ act: "listen", address: "127.0.0.1" })}\n`);
      const line = await new Promise<string>((resolve) => child.stdout.once("data", (data) => resolve(String(data))));
      const { answer } = JSON.parse(line) as { answer: { port: number } };
      expect(await connects(answer.port)).toBe(true);
      child.stdin.end();
      expect(await ended).toBe(0);
      expect(await connects(answer.port)).toBe(false);
    });

    it("ends with the signal of the one who asks", async () => {
      const stop = new AbortController();
      const hang = script("hang-too", "exec sleep 600");
      const asked = listenAtGateway(network([hang]), log, stop.signal);
      stop.abort(new Error("stopped"));
      await expect(asked).rejects.toThrow("stopped");
    });

    it.each([
      ["here", []],
      ["there", ["env"]],
    ])("needs an address that is the host's own, %s", async (_where, command) => {
      const elsewhere = { ...network(command), gatewayAddress: "192.0.2.1" };
      await expect(listenAtGateway(elsewhere, log, never)).rejects.toMatchObject({ code: "NO_FREE_PORT" });
    });
  });

  describeWith(["haproxy"], "a look at it", () => {
    it("names addresses that it has not", async () => {
      const request = { act: "check", embedded: [], addresses: ["127.0.0.1", "192.0.2.1"] } as const;
      const found = await atGateway(network([shell, "gw"]), request, log, never);
      expect(found).toEqual({ missingPackages: [], unusable: [{ address: "192.0.2.1", problem: "EADDRNOTAVAIL" }] });
    });
  });
});
