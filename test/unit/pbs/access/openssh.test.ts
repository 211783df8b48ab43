import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { connectFault, sessionFault } from "../../../../pbs/access/openssh-faults.ts";
import { renderConfig } from "../../../../pbs/access/openssh.ts";
import type { SshOptions } from "../../../../pbs/access/options.ts";

const capture = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../../fixtures/ssh", `${name}.txt`), "utf8");
const host = { host: "frontend", port: 22, user: "alice", knownHosts: "/home/alice/.ssh/known_hosts" };

describe("connectFault", () => {
  it.each([
    ["key-unknown", "SSH_HOST_KEY", false],
    ["key-changed", "SSH_HOST_KEY", false],
    ["denied", "SSH_AUTH_REFUSED", false],
    ["refused", "SSH_UNREACHABLE", true],
    ["name-unknown", "SSH_UNREACHABLE", true],
  ])("reads %s as %s", (name, code, retryable) => {
    expect(connectFault(host, capture(name))).toMatchObject({ code, retryable });
  });

  it("says which key the server shows", () => {
    for (const name of ["key-unknown", "key-changed"]) {
      const seen = /Server host key: \S+ (SHA256:\S+)/.exec(capture(name))?.[1] ?? "none";
      expect(connectFault(host, capture(name)).message).toContain(seen);
    }
  });

  it("leaves out what is for developers of ssh", () => {
    const { message } = connectFault(host, capture("refused"));
    expect(message).toContain("Connection refused");
    expect(message).not.toMatch(/debug|OpenSSH_/);
  });
});

it("tells what became of a session", () => {
  expect(sessionFault(capture("session-refused"))).toBe("no session");
  expect(sessionFault(capture("master-gone"))).toBe("not connected");
  expect(sessionFault("mux_client_request_session: read from master failed: Broken pipe\n")).toBe("lost");
  expect(sessionFault("")).toBe("lost");
});

describe("the configuration of ssh", () => {
  const options: SshOptions = {
    ...host,
    identityFile: "/home/alice/my key",
    jump: [
      { host: "outer", port: 2222, knownHosts: "/k" },
      { host: "inner", port: 22, user: "bob", knownHosts: "/k", agent: "/run/agent" },
    ],
    keepAliveSeconds: 15,
    connectTimeoutSeconds: 20,
    sessions: 8,
    commandDirs: [],
  };

  it("leads through the jump hosts in their order, and multiplexes the frontend alone", () => {
    const blocks = renderConfig(options, "/tmp/x")
      .split(/^Host /m)
      .slice(1);
    expect(blocks.map((block) => block.split("\n", 1)[0])).toEqual([
      "gridharvest-jump-1",
      "gridharvest-jump-2",
      "gridharvest-frontend",
      "*",
    ]);
    expect(blocks.map((block) => /ProxyJump (.*)/.exec(block)?.[1])).toEqual([
      undefined,
      "gridharvest-jump-1",
      "gridharvest-jump-2",
      undefined,
    ]);
    expect(blocks.map((block) => block.includes("ControlPath /tmp/x/control"))).toEqual([false, false, true, false]);
    expect(blocks[2]).toContain('IdentityFile "/home/alice/my key"');
    expect(blocks[3]).toMatch(/BatchMode yes[^]*StrictHostKeyChecking yes/);
  });

  it.each(["a\nProxyCommand evil", 'a" b', "%h", "${HOME}", "a\\b"])("refuses the value %j", (value) => {
    expect(() => renderConfig({ ...options, identityFile: value }, "/tmp/x")).toThrow(
      expect.objectContaining({ code: "TEMPLATE_VALUE" }) as Error,
    );
  });
});
