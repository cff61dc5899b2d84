/** The typed value that the rest of the program sees instead of stack config. */

import type * as pulumi from "@pulumi/pulumi";
import type { ImageName, ImageRef } from "../../components/workload/images.ts";

import type { CacheConfig, DataConfig, MonitoringConfig } from "./data-types.ts";

export type * from "./data-types.ts";

export type ProfileName = "tiny" | "small" | "medium" | "large";
export type Architecture = "amd64" | "arm64";

/** The machine as it was ordered; preflight compares it with what the host really has. */
export interface VpsConfig {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
}

/** How to reach the host and what to do to its operating system. Present only in the stack that owns the host. */
export interface HostConfig {
  readonly address: string;
  readonly sshPort: number;
  readonly user: string;
  /** `ssh-ed25519 AAAA…`: the only key the connection accepts. */
  readonly hostKey: string;
  readonly sshAuth: "key" | "agent";
  readonly hostname: string;
  readonly timeSync: "chrony" | "skip";
  readonly swap: "off" | "keep";
  readonly cgroupV1: "refuse" | "accept";
  /** Absolute path outside k3s' own directories; survives its removal. */
  readonly dataDirectory: string;
  /** Raised by hand after the host was rebuilt, so that every step runs again on the bare machine. */
  readonly generation: number;
}

export type ArtifactsConfig =
  | { readonly source: "release" }
  | { readonly source: "directory"; readonly path: string; readonly manifestSha256: string };

export interface RegistryConfig {
  readonly host: string;
  /** URL of the registry, e.g. `https://registry.example.com`. */
  readonly endpoint: string;
  readonly username: string;
}

export interface OwnClusterConfig {
  readonly source: "own";
  /** Constant for the life of the stack: a change replaces every Kubernetes object. */
  readonly identifier: string;
  readonly version: string;
  readonly architecture: Architecture;
  readonly artifacts: ArtifactsConfig;
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly apiAddress: string;
  readonly tlsSans: readonly string[];
  readonly flannelBackend: "wireguard-native" | "vxlan" | "host-gw";
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly etcdSnapshotSchedule: string;
  readonly etcdSnapshotRetention: number;
  /** `key=value`, without leading dashes. */
  readonly kubeletArgs: readonly string[];
  /** `key=value`, without leading dashes. */
  readonly apiServerArgs: readonly string[];
  readonly registry: RegistryConfig | undefined;
  /** Recovery run: take over objects that exist in the cluster and not in the state. */
  readonly adoptExisting: boolean;
}

export interface SharedClusterConfig {
  readonly source: "shared";
  /** Full name of the stack that owns the cluster, e.g. `organization/platform/production`. */
  readonly stack: string;
  /** Recovery run: take over objects that exist in the cluster and not in the state. */
  readonly adoptExisting: boolean;
}

export type ClusterConfig = OwnClusterConfig | SharedClusterConfig;

export interface AppConfig {
  /** Undefined: the profile decides. */
  readonly apiReplicas: number | undefined;
  readonly workerEnabled: boolean;
  /** Readiness: may look at the database. */
  readonly healthPath: string;
  /** Liveness: must not look at the database, or its outage restarts every API pod. */
  readonly livenessPath: string;
  readonly migrationCommand: readonly string[];
  readonly rotation: number;
}

/** Everything but the secrets: plain data, safe to print. */
export interface Settings {
  readonly stack: string;
  /** Carried by every name that is cluster- or host-wide, because two stacks may share one host. */
  readonly prefix: string;
  /** The API is served at `api.<domain>`. */
  readonly domain: string;
  readonly profile: ProfileName;
  readonly handlesPhi: boolean;
  readonly baaReference: string | undefined;
  readonly adminCidrs: readonly string[];
  readonly vps: VpsConfig;
  readonly host: HostConfig | undefined;
  readonly cluster: ClusterConfig;
  readonly images: Readonly<Partial<Record<ImageName, ImageRef>>>;
  readonly data: DataConfig;
  readonly cache: CacheConfig;
  readonly app: AppConfig;
  readonly ingress: { readonly tls: "internal"; readonly rotation: number };
  /** Undefined: nothing is watched. */
  readonly monitoring: MonitoringConfig | undefined;
  /** PEM of the internal CA; every client of the platform may have it. */
  readonly caCertificate: string;
}

/** Pulumi secrets. Undefined where the stack has no use for one. */
export interface Secrets {
  /** Only with `host.sshAuth: key`. */
  readonly sshPrivateKey: pulumi.Output<string> | undefined;
  /** Only with `cluster.source: own`. */
  readonly clusterToken: pulumi.Output<string> | undefined;
  /** Only with `cluster.source: own`. */
  readonly clusterAgentToken: pulumi.Output<string> | undefined;
  readonly caPrivateKey: pulumi.Output<string>;
  readonly postgresMigrationPassword: pulumi.Output<string>;
  readonly postgresAppPassword: pulumi.Output<string>;
  readonly postgresMonitorPassword: pulumi.Output<string>;
  /** Of role app_b; `postgresAppPassword` is that of app_a. */
  readonly postgresAppPasswordB: pulumi.Output<string>;
  /** Of role pgbouncer_auth. */
  readonly postgresPgbouncerPassword: pulumi.Output<string>;
  readonly postgresMaintenancePassword: pulumi.Output<string>;
  /** JSON object: name of a reader to password. Only with `data.postgres.readers`. */
  readonly postgresReaderPasswords: pulumi.Output<string> | undefined;
  readonly pgbouncerStatsPassword: pulumi.Output<string>;
  readonly cacheAppPassword: pulumi.Output<string>;
  readonly queueAppPassword: pulumi.Output<string>;
  readonly signallingVideoPassword: pulumi.Output<string>;
  readonly redisMetricsPassword: pulumi.Output<string>;
  readonly redisProbePassword: pulumi.Output<string>;
  /** Only with `data.backup`. */
  readonly postgresBackupPassword: pulumi.Output<string> | undefined;
  /** 64 hex characters. Only with `data.backup`. */
  readonly backupEncryptionKey: pulumi.Output<string> | undefined;
  /** Only with `data.backup`. */
  readonly backupAccessKeyId: pulumi.Output<string> | undefined;
  /** Only with `data.backup`. */
  readonly backupSecretAccessKey: pulumi.Output<string> | undefined;
  /** Only with `monitoring.receiver.kind: webhook`. */
  readonly alertWebhookUrl: pulumi.Output<string> | undefined;
  /** Only with `monitoring.receiver.kind: smtp`. */
  readonly alertSmtpPassword: pulumi.Output<string> | undefined;
  /** Only with `monitoring.deadMansSwitch`. */
  readonly deadMansSwitchUrl: pulumi.Output<string> | undefined;
  readonly appJwtSecret: pulumi.Output<string>;
  readonly appSessionSecret: pulumi.Output<string>;
  readonly appCookieSecret: pulumi.Output<string>;
  /** Only with `cluster.registry`. */
  readonly registryPassword: pulumi.Output<string> | undefined;
}

export interface PlatformConfig extends Settings {
  readonly secrets: Secrets;
}
