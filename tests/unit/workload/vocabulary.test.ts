import { describe, expect, it } from "vitest";
import {
  allowing,
  contentHash,
  envShape,
  execProbe,
  firstAddress,
  fromField,
  fromSecret,
  hardened,
  httpProbe,
  labels,
  podDefaults,
  prefixed,
  resources,
  serviceHost,
  serviceNames,
  tcpProbe,
  value,
} from "../../../components/workload/index.ts";

describe("labels", () => {
  it("selects by what never changes", () => {
    const { selector, all } = labels({ prefix: "hc", app: "api", component: "backend" });
    expect(Object.keys(selector).sort()).toEqual([
      "app.kubernetes.io/component",
      "app.kubernetes.io/instance",
      "app.kubernetes.io/name",
    ]);
    expect(all).toMatchObject(selector);
    expect(all).toHaveProperty(["app.kubernetes.io/part-of"], "platform");
  });
});

describe("names", () => {
  it("carries the prefix and refuses what is no DNS label", () => {
    expect(prefixed("hc-prod", "retain")).toBe("hc-prod-retain");
    expect(() => prefixed("Hc", "retain")).toThrow(/^prefix: "Hc"/);
    expect(() => prefixed("h".repeat(60), "retain")).toThrow(/shorten platform:prefix/);
  });

  it("knows every name of a Service", () => {
    expect(serviceHost("postgres", "hc-data")).toBe("postgres.hc-data.svc");
    expect(serviceNames("postgres", "hc-data")).toEqual([
      "postgres",
      "postgres.hc-data",
      "postgres.hc-data.svc",
      "postgres.hc-data.svc.cluster.local",
    ]);
  });

  it.each([
    ["10.43.0.0/16", "10.43.0.1"],
    ["10.42.7.9/24", "10.42.7.1"],
    ["192.168.255.0/30", "192.168.255.1"],
  ])("finds the first address of %s", (cidr, address) => {
    expect(firstAddress(cidr)).toBe(address);
  });

  it.each(["10.43.0.0", "fd00::/64", "10.300.0.0/16", "10.43.0.0/31", ""])(
    "refuses %s as a range",
    (cidr) => {
      expect(() => firstAddress(cidr)).toThrow(/not an IPv4 range/);
    },
  );

  it("hashes content, not the order of keys", () => {
    expect(contentHash({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(contentHash({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(contentHash({ a: 1 })).not.toBe(contentHash({ a: 2 }));
    expect(contentHash([1, 2])).not.toBe(contentHash([2, 1]));
    expect(contentHash({})).toMatch(/^[0-9a-f]{10}$/);
  });
});

describe("resources", () => {
  it("requests everything and limits what others would suffer from", () => {
    expect(resources({ cpuMillis: 250, memoryMiB: 512 })).toEqual({
      requests: { cpu: "250m", memory: "512Mi", "ephemeral-storage": "64Mi" },
      limits: { memory: "512Mi", "ephemeral-storage": "512Mi" },
    });
  });

  it("takes wider limits", () => {
    expect(
      resources({ cpuMillis: 250, memoryMiB: 512, memoryLimitMiB: 1024, cpuLimitMillis: 500 }, 32),
    ).toMatchObject({
      requests: { "ephemeral-storage": "32Mi" },
      limits: { memory: "1024Mi", cpu: "500m", "ephemeral-storage": "32Mi" },
    });
  });

  it.each([
    [{ cpuMillis: 0, memoryMiB: 1 }, /cpuMillis: 0/],
    [{ cpuMillis: 1, memoryMiB: 1.5 }, /memoryMiB: 1.5/],
    [{ cpuMillis: 1, memoryMiB: 2, memoryLimitMiB: 1 }, /memoryLimitMiB: 1 is below the request of 2/],
    [{ cpuMillis: 2, memoryMiB: 2, cpuLimitMillis: 1 }, /cpuLimitMillis: 1 is below the request of 2/],
  ])("refuses %j", (size, error) => {
    expect(() => resources(size)).toThrow(error);
  });
});

describe("probes", () => {
  it("have explicit timing and no host", () => {
    expect(httpProbe("/health", 8088)).toEqual({
      httpGet: { path: "/health", port: 8088 },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    });
    expect(tcpProbe("redis", { periodSeconds: 3 })).toMatchObject({
      tcpSocket: { port: "redis" },
      periodSeconds: 3,
    });
    expect(execProbe(["true"])).toMatchObject({ exec: { command: ["true"] } });
  });

  it("allow at least the asked time", () => {
    const { periodSeconds = 0, failureThreshold = 0 } = allowing(1801);
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(1801);
  });
});

describe("hardened", () => {
  const security = hardened({
    uid: 999,
    fsGroup: 999,
    writablePaths: [
      { path: "/tmp", sizeMiB: 64 },
      { path: "/dev/shm", sizeMiB: 128, medium: "memory" },
    ],
  });

  it("passes Pod Security restricted, with a read-only root", () => {
    expect(security.pod).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 999,
      seccompProfile: { type: "RuntimeDefault" },
      fsGroup: 999,
    });
    expect(security.container).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("mounts each writable path once, with a limit", () => {
    expect(security.volumes).toEqual([
      { name: "scratch-tmp", emptyDir: { sizeLimit: "64Mi" } },
      { name: "scratch-dev-shm", emptyDir: { sizeLimit: "128Mi", medium: "Memory" } },
    ]);
    expect(security.mounts).toEqual([
      { name: "scratch-tmp", mountPath: "/tmp" },
      { name: "scratch-dev-shm", mountPath: "/dev/shm" },
    ]);
  });

  it("refuses root", () => {
    expect(() => hardened({ uid: 0 })).toThrow(/root/);
    expect(() => hardened({ uid: 1, gid: 0 })).toThrow(/root/);
  });

  it("gives every pod the same basis", () => {
    expect(
      podDefaults({ serviceAccount: "api", priorityClass: "hc-app", security, graceSeconds: 75 }),
    ).toEqual({
      serviceAccountName: "api",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: "hc-app",
      securityContext: security.pod,
      terminationGracePeriodSeconds: 75,
    });
  });
});

describe("env", () => {
  it("refers to secrets and fields", () => {
    expect(fromSecret("JWT_SECRET", { secretName: "app-secrets", key: "JWT_SECRET" })).toEqual({
      name: "JWT_SECRET",
      valueFrom: { secretKeyRef: { name: "app-secrets", key: "JWT_SECRET" } },
    });
    expect(fromField("POD_IP", "status.podIP")).toEqual({
      name: "POD_IP",
      valueFrom: { fieldRef: { fieldPath: "status.podIP" } },
    });
    expect(value("APP_MODE", "worker")).toEqual({ name: "APP_MODE", value: "worker" });
    expect(value("REDIS_PASSWORD_FILE", "/run/secrets/redis")).toHaveProperty("value", "/run/secrets/redis");
  });

  it.each([
    ["JWT_SECRET", "hunter2hunter2"],
    ["REDIS_PASSWORD", "hunter2hunter2"],
    ["DATABASE_URL", "hunter2hunter2"],
    ["OPENVIDU_URL", "https://user:hunter2hunter2@host"],
  ])("refuses %s as a literal, without showing it", (name, literal) => {
    expect(() => value(name, literal)).toThrow(name);
    expect(() => value(name, literal)).not.toThrow(/hunter2/);
  });

  it("refuses names that no shell could hold", () => {
    expect(() => value("app-mode", "x")).toThrow(/app-mode/);
  });

  it("has a shape without values", () => {
    expect(envShape([value("B", "1"), fromSecret("A_KEY", { secretName: "s", key: "k" })])).toEqual([
      "A_KEY",
      "B",
    ]);
  });
});
