import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { renderNodeFiles, type ElasticsearchNode } from "../../../../templates/elasticsearch/node-files.ts";
import { renderProxyConfig } from "../../../../orchestrator/gateway/provision.ts";
import type { GatewaySpec } from "../../../../orchestrator/gateway/state.ts";

const node: ElasticsearchNode = {
  nodeName: "gh-abcde-d1",
  clusterName: "gridharvest-c",
  roles: ["data"],
  dir: "/scratch/gh-abcde-d1",
  address: "127.0.1.1",
  transportPort: 0,
  httpAddress: "127.0.1.1",
  httpPort: 0,
  seedHosts: ["127.0.0.1:20001"],
  initialMaster: false,
  allowMmap: true,
  repositories: ["/snapshots"],
  heapBytes: 2 ** 30,
  javaOptions: [],
  modules: ["apm", "transport-netty4", "x-pack-core", "x-pack-security"],
  realm: { users: "u\n", usersRoles: "r\n", roles: "roles\n" },
  transport: { certificate: "tc", key: "tk", authority: "ta" },
  http: { certificate: "hc", key: "hk", authority: "ha" },
};
const settings = (over: Partial<ElasticsearchNode> = {}) =>
  parse(renderNodeFiles({ ...node, ...over })["config/elasticsearch.yml"] ?? "") as Record<string, unknown>;

describe("the files of an Elasticsearch node", () => {
  it("name role, addresses and TLS, and nothing that founds a cluster", () => {
    const yml = settings();
    expect(yml).toMatchObject({
      "node.roles": ["data"],
      "transport.host": "127.0.1.1",
      "http.port": 0,
      "discovery.seed_hosts": ["127.0.0.1:20001"],
      "xpack.security.enabled": true,
      "xpack.security.transport.ssl": { enabled: true, verification_mode: "full", key: "tls/transport.key" },
    });
    expect(Object.keys(yml).filter((key) => key.includes("initial_master"))).toEqual([]);
  });

  it("found the cluster at the master's very first start only", () => {
    expect(settings({ initialMaster: true })["cluster.initial_master_nodes"]).toEqual(["gh-abcde-d1"]);
  });

  it("have no setting of a module that the distribution lacks", () => {
    const optional = [
      "ingest.geoip.downloader.enabled",
      "xpack.ml.enabled",
      "xpack.watcher.enabled",
      "stack.templates.enabled",
    ];
    expect(Object.keys(settings()).filter((key) => optional.includes(key))).toEqual([]);
    const full = settings({
      modules: [...node.modules, "ingest-geoip", "x-pack-ml", "x-pack-watcher", "x-pack-stack"],
    });
    expect(Object.keys(full).filter((key) => optional.includes(key))).toEqual(optional);
  });

  it("do without mapped files where the kernel does not allow enough of them", () => {
    expect(settings({ allowMmap: false })["node.store.allow_mmap"]).toBe(false);
    expect(settings()).not.toHaveProperty(["node.store.allow_mmap"]);
  });

  it("state the heap in both options", () => {
    expect(renderNodeFiles(node)["config/jvm.options"]).toContain("-Xms1024m\n-Xmx1024m\n");
  });

  it("give Java the operator's options behind our own", () => {
    const options = renderNodeFiles({ ...node, javaOptions: ["-XX:+UseParallelGC", "-Dfoo=bar baz"] })[
      "config/jvm.options"
    ];
    expect(options).toMatch(/^-Xms1024m$[^]*^-XX:\+UseParallelGC\n-Dfoo=bar baz\n$/m);
    expect(renderNodeFiles(node)["config/jvm.options"]).not.toContain("javaOptions");
  });

  it("bring the realm and the PEM texts along", () => {
    const files = renderNodeFiles(node);
    expect(files["config/users"]).toBe("u\n");
    expect(files["config/tls/transport.key"]).toBe("tk");
    expect(files["config/tls/http-authority.crt"]).toBe("ha");
  });
});

describe("haproxy's configuration", () => {
  const spec: GatewaySpec = {
    campaign: "c",
    tag: "t",
    address: "10.0.0.1",
    outsideAddress: "192.0.2.1",
    ports: {
      redis: 1,
      carbon: 2,
      transport: 3,
      outsideRedis: 4,
      outsideCarbon: 5,
      elasticsearch: 6,
      graphiteWeb: 7,
      masterHttp: 8,
    },
    site: {
      stateDir: "/state",
      services: { redis: {}, graphite: {}, runAsUid: 1 },
      metrics: { prefix: "g", interval: 5 },
    },
    elasticsearch: {
      home: "/es",
      javaHome: "/java",
      heapBytes: 1,
      javaOptions: [],
      clusterName: "n",
      repositories: [],
    },
    secretsDir: "/s",
    orphanGraceSeconds: 60,
  };

  const backends = { redis: { host: "127.0.0.1", port: 9 }, carbon: { host: "127.0.0.1", port: 10 } };
  const withWeb = { ...backends, graphiteWeb: { url: "http://127.0.0.1:11" } };
  /** Address and admitted units of each frontend, by name. */
  const frontends = (text: string): Record<string, unknown> =>
    Object.fromEntries(
      text
        .split(/^(?=frontend |backend )/m)
        .filter((part) => part.startsWith("frontend "))
        .map((part) => [
          /^frontend (\S+)/.exec(part)?.[1] ?? "",
          {
            bind: /^ +bind (\S+)/m.exec(part)?.[1],
            units: /ssl_c_s_dn\(OU\) -m str ([^}]+) }/.exec(part)?.[1],
            verified: part.includes("verify required"),
          },
        ]),
    );

  it("has a leg for nodes and one for the outside, and wants a certificate of the right unit at each listener", () => {
    const verified = true;
    expect(frontends(renderProxyConfig("/campaign/gateway", spec, withWeb))).toEqual({
      redis: { bind: "10.0.0.1:1", units: "joining node", verified },
      carbon: { bind: "10.0.0.1:2", units: "node", verified },
      "outside-redis": { bind: "192.0.2.1:4", units: "orchestrator", verified },
      "outside-carbon": { bind: "192.0.2.1:5", units: "orchestrator", verified },
      "graphite-web": { bind: "192.0.2.1:7", units: "orchestrator operator", verified },
      elasticsearch: { bind: "192.0.2.1:6", units: "orchestrator operator", verified },
    });
  });

  it("has no listener for a graphite-web that is not there", () => {
    expect(Object.keys(frontends(renderProxyConfig("/campaign/gateway", spec, backends)))).not.toContain(
      "graphite-web",
    );
  });

  it("speaks TLS with a graphite-web that does, under the name that it knows", () => {
    const text = renderProxyConfig("/g", spec, {
      ...backends,
      graphiteWeb: { url: "https://graphs.example/graphite" },
    });
    expect(text).toContain("http-request set-header Host graphs.example\n");
    expect(text).toMatch(/server graphite-web graphs\.example:443 ssl verify required .* verifyhost graphs\.example\n/);
    expect(text.split("\n").filter((line) => line.includes("{%"))).toEqual([]);
  });

  it("quotes a directory with a blank", () => {
    expect(renderProxyConfig("/my campaign", spec, backends)).toContain("crt '/my campaign/proxy/server.pem'");
  });
});
