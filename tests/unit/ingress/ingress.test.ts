import { describe, expect, it } from "vitest";
import {
  Edge,
  edgeFlows,
  ingressClassName,
  Route,
  type EdgeArgs,
  type RouteArgs,
} from "../../../components/ingress/index.ts";
import { renderTraefikDynamic, renderTraefikStatic } from "../../../components/ingress/traefikConfig.ts";
import { authority, child, children, image, inventory } from "../../support/components.ts";
import { at, list, map } from "../../support/records.ts";

const staticConfig = (tag = "v3.7.13"): unknown =>
  JSON.parse(renderTraefikStatic({ tag, namespace: "hc-ingress", ingressClass: "hc-edge" }));
const dynamicConfig = (adminCidrs: readonly string[] = []): unknown =>
  JSON.parse(renderTraefikDynamic({ adminCidrs }));

describe("traefik.yaml", () => {
  it("sends HTTP to the port that visitors see", () => {
    expect(at(staticConfig(), "entryPoints.web.http.redirections.entryPoint")).toEqual({
      to: ":443",
      scheme: "https",
      permanent: true,
    });
  });

  it("reads routes of its own namespace only", () => {
    expect(at(staticConfig(), "providers.kubernetesIngress")).toMatchObject({
      namespaces: ["hc-ingress"],
      ingressClass: "hc-edge",
      strictPrefixMatching: true,
    });
  });

  it.each([
    ["v3.7.9", undefined],
    ["v3.7.11", { strictTLSOptions: true }],
    ["v3.7.13", { strictTLSOptions: true }],
  ])("asks for strict TLS options only where %s knows them", (tag, expected) => {
    expect(at(staticConfig(tag), "core")).toEqual(expected);
  });

  it("logs neither path nor headers: they can name a patient", () => {
    expect(at(staticConfig(), "accessLog.fields.defaultMode")).toBe("drop");
    expect(at(staticConfig(), "accessLog.fields.headers")).toEqual({ defaultMode: "drop" });
    expect(
      Object.keys(map(staticConfig(), "accessLog.fields.names")).filter((name) =>
        /Path|Line|Addr/.test(name),
      ),
    ).toEqual([]);
  });

  it("calls home for nothing and serves no dashboard", () => {
    expect(at(staticConfig(), "global")).toEqual({ checkNewVersion: false, sendAnonymousUsage: false });
    expect(at(staticConfig(), "api")).toBeUndefined();
  });

  it("leaves idle connections to servers before these do", () => {
    expect(at(staticConfig(), "serversTransport.forwardingTimeouts.idleConnTimeout")).toBe("3s");
  });

  it("keeps WebSockets open for an hour", () => {
    expect(at(staticConfig(), "entryPoints.websecure.transport.respondingTimeouts.idleTimeout")).toBe(
      "3600s",
    );
  });
});

describe("dynamic.yaml", () => {
  it("speaks TLS 1.2 or newer, with AES-GCM", () => {
    expect(at(dynamicConfig(), "tls.options.default.minVersion")).toBe("VersionTLS12");
    expect(
      list(dynamicConfig(), "tls.options.default.cipherSuites").filter(
        (suite) => !String(suite).includes("GCM"),
      ),
    ).toEqual([]);
  });

  it("sends HSTS", () => {
    expect(at(dynamicConfig(), "http.middlewares.security-headers.headers.stsSeconds")).toBe(31_536_000);
  });

  it("lets administrators in, and nobody where none are named", () => {
    const range = (cidrs: readonly string[]): unknown =>
      at(dynamicConfig(cidrs), "http.middlewares.admins-only.ipAllowList.sourceRange");
    expect(range(["198.51.100.0/28"])).toEqual(["198.51.100.0/28"]);
    expect(range([])).toEqual(["127.0.0.1/32"]);
  });
});

const edgeArgs: EdgeArgs = {
  prefix: "hc",
  namespaceName: "hc-ingress",
  namespace: "hc-ingress",
  image: image("traefik", "v3.7.13"),
  size: { cpuMillis: 50, memoryMiB: 96 },
  priorityClass: "hc-edge",
  defaultHost: "api.example.com",
  adminCidrs: [],
  authority: authority(),
  rotation: 2,
};

describe("Edge", () => {
  const made = async () => await children("edge", () => new Edge("edge", edgeArgs));

  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual([
      "CertRequest edge-default-request",
      "ClusterRole edge-cluster-role",
      "ClusterRoleBinding edge-cluster-role-binding",
      "ConfigMap edge-config",
      "DaemonSet edge-traefik",
      "IngressClass edge-class",
      "LocallySignedCert edge-default-leaf",
      "PrivateKey edge-default-key",
      "Role edge-role",
      "RoleBinding edge-role-binding",
      "Secret edge-default-secret",
      "ServerCertificate edge-default",
      "ServiceAccount edge-account",
    ]);
  });

  it("lets the old pod go before the new one binds the ports", async () => {
    const spec = at(child(await made(), "edge-traefik").inputs, "spec");
    expect(at(spec, "updateStrategy.rollingUpdate")).toEqual({ maxUnavailable: 1, maxSurge: 0 });
    const ports = list(spec, "template.spec.containers.0.ports");
    expect(
      ports.flatMap((p) =>
        at(p, "hostPort") === undefined ? [] : [[at(p, "containerPort"), at(p, "hostPort")]],
      ),
    ).toEqual([
      [8000, 80],
      [8443, 443],
    ]);
  });

  it("reads no Secret outside of its namespace", async () => {
    const records = await made();
    const resources = (name: string): readonly unknown[] =>
      list(child(records, name).inputs, "rules").flatMap((rule) => list(rule, "resources"));
    expect(resources("edge-cluster-role")).toEqual(["nodes", "ingressclasses"]);
    expect(resources("edge-role")).toContain("secrets");
    const verbs = ["edge-role", "edge-cluster-role"].flatMap((name) =>
      list(child(records, name).inputs, "rules").flatMap((rule) => list(rule, "verbs")),
    );
    expect(new Set(verbs)).toEqual(new Set(["get", "list", "watch"]));
  });

  it("mounts a token that expires within the hour", async () => {
    const volumes = list(child(await made(), "edge-traefik").inputs, "spec.template.spec.volumes");
    const token = volumes.find((volume) => at(volume, "name") === "token");
    expect(
      Number(at(token, "projected.sources.0.serviceAccountToken.expirationSeconds")),
    ).toBeLessThanOrEqual(3600);
  });

  it("names its class with the prefix", async () => {
    expect(at(child(await made(), "edge-class").inputs, "metadata.name")).toBe(ingressClassName("hc"));
    expect(ingressClassName("hc")).toBe("hc-edge");
  });

  it("is reached by the world and reaches exposed pods only", () => {
    const flows = edgeFlows("hc", 8443);
    expect(flows.listens.map((l) => [l.port, l.openTo])).toEqual([
      [8000, "world"],
      [8443, "world"],
    ]);
    expect(flows.calls).toContainEqual({ service: "edge-backends", port: 8443 });
  });
});

describe("Route", () => {
  const args: RouteArgs = {
    prefix: "hc",
    role: "api",
    host: "api.example.com",
    backend: { host: "api.hc-app.svc", port: 8443 },
    trust: "verified",
    internalPaths: ["/docs", "/logger"],
    edgeNamespace: "hc-ingress",
    className: "hc-edge",
    authority: authority(),
  };
  const made = async (changes: Partial<RouteArgs> = {}) =>
    await children("route", () => new Route("route", { ...args, ...changes }));

  it("publishes one host with a certificate of its own", async () => {
    const records = await made();
    const spec = at(child(records, "route-public").inputs, "spec");
    expect(spec).toMatchObject({
      ingressClassName: "hc-edge",
      tls: [{ hosts: ["api.example.com"], secretName: "hc-api-tls" }],
    });
    expect(list(spec, "rules.0.http.paths").map((p) => at(p, "path"))).toEqual(["/"]);
    expect(child(records, "route-tls-request").inputs["dnsNames"]).toEqual(["api.example.com"]);
  });

  it("leads into the other namespace by name", async () => {
    expect(at(child(await made(), "route-target").inputs, "spec")).toEqual({
      type: "ExternalName",
      externalName: "api.hc-app.svc.cluster.local",
      ports: [{ name: "https", port: 8443, protocol: "TCP" }],
    });
  });

  it.each(["verified", "encrypted"] as const)("reaches it over TLS, %s", async (trust) => {
    expect(map(child(await made({ trust }), "route-target").inputs, "metadata.annotations")).toEqual({
      "traefik.ingress.kubernetes.io/service.serversscheme": "https",
      "traefik.ingress.kubernetes.io/service.serverstransport": `${trust}@file`,
    });
    const dynamic = JSON.parse(renderTraefikDynamic({ adminCidrs: [] })) as {
      http: { serversTransports: Record<string, unknown> };
    };
    expect(dynamic.http.serversTransports[trust]).toEqual({
      ...(trust === "verified"
        ? { rootCAs: ["/etc/platform/edge-tls/ca.crt"] }
        : { insecureSkipVerify: true }),
      disableHTTP2: true,
      forwardingTimeouts: { idleConnTimeout: "3s" },
    });
  });

  it("keeps internal paths for administrators, on the same host", async () => {
    const internal = child(await made(), "route-internal").inputs;
    expect(map(internal, "metadata.annotations")["traefik.ingress.kubernetes.io/router.middlewares"]).toBe(
      "admins-only@file",
    );
    expect(list(internal, "spec.rules.0.http.paths").map((p) => at(p, "path"))).toEqual(["/docs", "/logger"]);
    expect((await made({ internalPaths: [] })).map((r) => r.name)).not.toContain("route-internal");
  });

  it("is waited for by nobody", async () => {
    for (const name of ["route-public", "route-internal"]) {
      expect(map(child(await made(), name).inputs, "metadata.annotations")["pulumi.com/skipAwait"]).toBe(
        "true",
      );
    }
  });
});
