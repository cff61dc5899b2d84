import { paths } from "./paths.ts";
import type { ClusterSecrets, ClusterSpec } from "./types.ts";
import { toYaml } from "./yaml.ts";

const cipherSuites = ["ECDSA", "RSA"].flatMap((key) =>
  ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384"].map((cipher) => `TLS_ECDHE_${key}_WITH_${cipher}`),
);

const nameOf = (arg: string): string => arg.split("=", 1)[0] ?? arg;

/**
 * Our arguments and the user's. An argument of ours is replaced only where `tunable` says so: the others carry the
 * hardening, and a duplicate would win silently.
 */
const merge = (
  key: string,
  own: readonly string[],
  extra: readonly string[],
  tunable: readonly string[],
): readonly string[] => {
  for (const arg of extra) {
    if (!/^[a-z0-9][a-z0-9-]*=./.test(arg))
      throw new Error(`cluster.${key}: "${arg}"; write name=value, without dashes in front`);
    if (own.some((o) => nameOf(o) === nameOf(arg)) && !tunable.includes(nameOf(arg))) {
      throw new Error(`cluster.${key}: "${nameOf(arg)}" is set by the platform; remove it from the list`);
    }
  }
  const replaced = new Set(extra.map(nameOf));
  return [...own.filter((arg) => !replaced.has(nameOf(arg))), ...extra];
};

const apiServerArgs = (spec: ClusterSpec): readonly string[] =>
  merge(
    "apiServerArgs",
    [
      // Our value replaces k3s' own, so NodeRestriction has to be named again.
      "enable-admission-plugins=NodeRestriction,EventRateLimit",
      `admission-control-config-file=${paths.admission}`,
      `audit-log-path=${paths.logs}/audit.log`,
      `audit-policy-file=${paths.auditPolicy}`,
      "audit-log-maxage=30",
      "audit-log-maxbackup=10",
      "audit-log-maxsize=100",
      "service-account-extend-token-expiration=false",
      "request-timeout=300s",
    ],
    spec.apiServerArgs,
    ["request-timeout"],
  );

const kubeletArgs = (spec: ClusterSpec): readonly string[] =>
  merge(
    "kubeletArgs",
    [
      "streaming-connection-idle-timeout=5m",
      `tls-cipher-suites=${cipherSuites.join(",")}`,
      "pod-max-pids=4096",
      "seccomp-default=true",
      `system-reserved=cpu=${String(spec.systemReserved.cpuMillis)}m,memory=${String(spec.systemReserved.memoryMiB)}Mi`,
      "eviction-hard=memory.available<200Mi,nodefs.available<10%",
      ...(spec.cgroupV1 === "accept" ? ["fail-cgroupv1=false"] : []),
    ],
    spec.kubeletArgs,
    ["eviction-hard", "pod-max-pids", "system-reserved"],
  );

/** Settings that k3s cannot change once the datastore exists, with the config key of each. */
export const immutableSettings = (spec: ClusterSpec) =>
  [
    { key: "cluster.clusterCidr", name: "cluster-cidr", value: spec.clusterCidr },
    { key: "cluster.serviceCidr", name: "service-cidr", value: spec.serviceCidr },
    { key: "cluster.nodeName", name: "node-name", value: spec.nodeName },
    { key: "secrets encryption", name: "secrets-encryption", value: true },
    // secretbox: the default, aescbc, is rated weak upstream.
    { key: "secrets encryption", name: "secrets-encryption-provider", value: "secretbox" },
    // Embedded etcd from day one: snapshots, and growth to three servers without a migration.
    { key: "the datastore", name: "cluster-init", value: true },
  ] as const;

/** /etc/rancher/k3s/config.yaml: all options of k3s live here, none in the unit. Holds the tokens. */
export const renderK3sConfig = (spec: ClusterSpec, secrets: ClusterSecrets): string =>
  toYaml({
    token: secrets.token,
    "agent-token": secrets.agentToken,
    ...Object.fromEntries(immutableSettings(spec).map(({ name, value }) => [name, value])),
    "node-ip": spec.nodeIp,
    "tls-san": [...new Set([spec.apiAddress, ...spec.tlsSans])],
    "tls-san-security": true,
    "write-kubeconfig-mode": "0600",
    // The ingress is our own; a changed list also uninstalls.
    disable: ["traefik", "servicelb"],
    "protect-kernel-defaults": true,
    "flannel-backend": spec.flannelBackend,
    "default-local-storage-path": `${spec.dataDirectory}/volumes`,
    "etcd-expose-metrics": true,
    "etcd-snapshot-schedule-cron": spec.etcdSnapshotSchedule,
    "etcd-snapshot-retention": spec.etcdSnapshotRetention,
    // Some distributions ship an iptables that corrupts rules.
    "prefer-bundled-bin": true,
    "kube-apiserver-arg": apiServerArgs(spec),
    "kube-controller-manager-arg": ["terminated-pod-gc-threshold=100"],
    "kubelet-arg": kubeletArgs(spec),
  });
