import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { renderAdmission } from "../../../components/cluster/admission.ts";
import { renderAuditPolicy } from "../../../components/cluster/auditPolicy.ts";
import { renewalFiles } from "../../../components/cluster/certificates.ts";
import { renderK3sConfig } from "../../../components/cluster/k3sConfig.ts";
import { managedPaths } from "../../../components/cluster/install.ts";
import { renderKubeletConfig } from "../../../components/cluster/kubeletConfig.ts";
import { paths } from "../../../components/cluster/paths.ts";
import { renderRegistries } from "../../../components/cluster/registries.ts";
import { renderUnit } from "../../../components/cluster/unit.ts";
import { hasShellcheck, shellcheck, syntaxErrors } from "../remote/syntax.ts";
import { clusterSecrets, clusterSpec } from "./spec.ts";

const config = (changes: Parameters<typeof clusterSpec>[0] = {}) =>
  parse(renderK3sConfig(clusterSpec(changes), clusterSecrets)) as Record<string, unknown>;

describe("config.yaml", () => {
  it("has exactly these settings", () => {
    expect(config()).toEqual({
      token: "CANARY_TOKEN_0123456789abcdef",
      "agent-token": "CANARY_AGENT_0123456789abcdef",
      "cluster-init": true,
      "node-name": "vps-1",
      "node-ip": "192.0.2.1",
      "tls-san": ["k8s.example.com", "192.0.2.1"],
      "tls-san-security": true,
      "write-kubeconfig-mode": "0600",
      disable: ["traefik", "servicelb"],
      "secrets-encryption": true,
      "secrets-encryption-provider": "secretbox",
      "protect-kernel-defaults": true,
      "flannel-backend": "wireguard-native",
      "cluster-cidr": "10.42.0.0/16",
      "service-cidr": "10.43.0.0/16",
      "default-local-storage-path": "/srv/hc-test/volumes",
      "etcd-expose-metrics": true,
      "etcd-snapshot-schedule-cron": "0 */6 * * *",
      "etcd-snapshot-retention": 28,
      "prefer-bundled-bin": true,
      "kube-apiserver-arg": [
        "enable-admission-plugins=NodeRestriction,EventRateLimit",
        "admission-control-config-file=/var/lib/rancher/k3s/server/psa.yaml",
        "audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log",
        "audit-policy-file=/var/lib/rancher/k3s/server/audit.yaml",
        "audit-log-maxage=30",
        "audit-log-maxbackup=10",
        "audit-log-maxsize=100",
        "service-account-extend-token-expiration=false",
        "request-timeout=300s",
      ],
      "kube-controller-manager-arg": ["terminated-pod-gc-threshold=100"],
      "kubelet-arg": [
        "streaming-connection-idle-timeout=5m",
        "tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "pod-max-pids=4096",
        "seccomp-default=true",
        "system-reserved=cpu=250m,memory=512Mi",
        "eviction-hard=memory.available<200Mi,nodefs.available<10%",
      ],
    });
  });

  it("tells the kubelet to take cgroup v1 only where that was accepted", () => {
    expect(config({ cgroupV1: "accept" })["kubelet-arg"]).toContain("fail-cgroupv1=false");
    expect(JSON.stringify(config())).not.toContain("cgroup");
  });

  it("keeps a mode and a token of digits as text, for readers of old and new YAML", () => {
    const text = renderK3sConfig(clusterSpec(), { ...clusterSecrets, token: "0123e4567890" });
    expect(text).toContain('write-kubeconfig-mode: "0600"\n');
    expect(text).toContain('token: "0123e4567890"\n');
  });

  it("lets the tunable arguments be replaced and adds others", () => {
    const args = config({ kubeletArgs: ["eviction-hard=memory.available<100Mi", "max-pods=80"] })[
      "kubelet-arg"
    ];
    expect(args).toEqual(expect.arrayContaining(["eviction-hard=memory.available<100Mi", "max-pods=80"]));
    expect(args).not.toContain("eviction-hard=memory.available<200Mi,nodefs.available<10%");
  });

  it.each([
    [
      { kubeletArgs: ["seccomp-default=false"] },
      'cluster.kubeletArgs: "seccomp-default" is set by the platform',
    ],
    [
      { apiServerArgs: ["audit-log-path=/dev/null"] },
      'cluster.apiServerArgs: "audit-log-path" is set by the platform',
    ],
    [{ apiServerArgs: ["--v=4"] }, 'cluster.apiServerArgs: "--v=4"; write name=value'],
    [{ kubeletArgs: ["max-pods"] }, 'cluster.kubeletArgs: "max-pods"; write name=value'],
  ])("refuses %o", (changes, message) => {
    expect(() => config(changes)).toThrow(message);
  });
});

describe("the kubelet's drop-in", () => {
  it("has exactly these settings", () => {
    expect(parse(renderKubeletConfig())).toEqual({
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      crashLoopBackOff: { maxContainerRestartPeriod: "10s" },
    });
  });

  it("lies where the kubelet of k3s looks, after k3s' own file", () => {
    const [directory, name] = [paths.kubelet.replace(/[^/]+$/, ""), paths.kubelet.split("/").at(-1) ?? ""];
    expect(directory).toBe("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/");
    expect(name > "00-k3s-defaults.conf").toBe(true);
    expect(name).toMatch(/\.conf$/);
    expect(managedPaths).toContain(paths.kubelet);
  });
});

describe("admission and audit", () => {
  it("restricts every namespace but kube-system", () => {
    const { plugins } = parse(renderAdmission()) as { plugins: { configuration: Record<string, unknown> }[] };
    expect(plugins[0]?.configuration).toMatchObject({
      defaults: { enforce: "restricted", audit: "restricted", warn: "restricted" },
      exemptions: { namespaces: ["kube-system"] },
    });
    expect(plugins[1]?.configuration["limits"]).toEqual([{ type: "Server", qps: 50, burst: 100 }]);
  });

  interface Rule {
    readonly level: string;
    readonly resources?: readonly { readonly group?: string; readonly resources?: readonly string[] }[];
    readonly userGroups?: readonly string[];
  }
  const rules = (parse(renderAuditPolicy()) as { rules: readonly Rule[] }).rules;
  const ruleOf = (resource: string): number =>
    rules.findIndex((r) => r.resources?.some((group) => group.resources?.includes(resource)) ?? false);

  it("never records the body of a secret or a config map, and always records the access", () => {
    const rule = ruleOf("secrets");
    expect(rules[rule]?.level).toBe("Metadata");
    expect(rules[ruleOf("configmaps")]?.level).toBe("Metadata");
    const quiet = rules.findIndex((r) => r.userGroups?.includes("system:nodes") ?? false);
    expect(rules[quiet]?.level).toBe("None");
    expect(rule).toBeLessThan(quiet);
  });

  it("records what people do inside pods, and ends with a rule for all the rest", () => {
    expect(rules[ruleOf("pods/exec")]?.level).toBe("Request");
    expect(rules[ruleOf("networkpolicies")]?.level).toBe("RequestResponse");
    expect(rules.at(-1)).toEqual({ level: "Metadata" });
  });
});

it("registries.yaml logs in to one registry", () => {
  const registry = {
    host: "registry.example.com",
    endpoint: "https://registry.example.com",
    username: "robot",
  };
  expect(parse(renderRegistries(registry, "p: w#1"))).toEqual({
    mirrors: { "registry.example.com": { endpoint: ["https://registry.example.com"] } },
    configs: { "registry.example.com": { auth: { username: "robot", password: "p: w#1" } } },
  });
});

describe("units", () => {
  it("the service names its owner, keeps pods over a restart and has no options of k3s", () => {
    const unit = renderUnit("hc-test");
    expect(unit.split("\n")[0]).toBe("# Managed by stack prefix hc-test");
    for (const line of [
      "Type=notify",
      "KillMode=process",
      "Delegate=yes",
      "Restart=always",
      "RestartSec=5s",
      "TimeoutStartSec=0",
      "LimitNOFILE=1048576",
      "ExecStart=/usr/local/bin/k3s server",
      "StartLimitIntervalSec=0",
    ]) {
      expect(unit.split("\n")).toContain(line);
    }
  });

  it("certificates are looked at every month", () => {
    const [script, service, timer] = renewalFiles("hc-test");
    expect(script?.path).toBe("/usr/local/sbin/hc-test-k3s-certificates");
    expect(service?.content).toContain("ExecStart=/usr/local/sbin/hc-test-k3s-certificates\n");
    expect(timer?.content).toContain("OnCalendar=*-*-01 03:30:00 UTC\n");
    expect(timer?.content).toContain("Persistent=true\n");
    expect(syntaxErrors(script?.content ?? "")).toBe("");
  });

  it.skipIf(!hasShellcheck)(
    "shellcheck finds nothing in it (skipped where shellcheck is not installed)",
    () => {
      expect(shellcheck(renewalFiles("hc-test")[0]?.content ?? "")).toBe("");
    },
  );
});
