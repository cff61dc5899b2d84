import { value, type EnvVar, type Size } from "../workload/index.ts";

/**
 * The environment of wal-g 3.0.9, as far as we set it. Closed on purpose: wal-g ignores what it does not know, so a
 * name that is nearly right (`WALG_S3_ENDPOINT`) would send the backups to Amazon, or store them in clear.
 */
export const walgNames = [
  "WALG_S3_PREFIX",
  "WALG_S3_CA_CERT_FILE",
  "AWS_ENDPOINT",
  "AWS_REGION",
  "AWS_S3_FORCE_PATH_STYLE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "WALG_COMPRESSION_METHOD",
  "WALG_LIBSODIUM_KEY_PATH",
  "WALG_LIBSODIUM_KEY_TRANSFORM",
  "WALG_UPLOAD_CONCURRENCY",
  "WALG_UPLOAD_DISK_CONCURRENCY",
  "WALG_DOWNLOAD_CONCURRENCY",
  "WALG_NETWORK_RATE_LIMIT",
  "WALG_PREVENT_WAL_OVERWRITE",
  "WALG_DELTA_MAX_STEPS",
] as const;
export type WalgName = (typeof walgNames)[number];

/** The store and how to use it. */
export interface WalgSettings {
  /** `https://host` or `https://host:port`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Path in the bucket, without slash at either end. */
  readonly prefix: string;
  readonly region: string;
  readonly pathStyle: boolean;
  /** PEM of the CA that signs for the store. Undefined: a public one does. */
  readonly caCertificate: string | undefined;
  readonly deltaMaxSteps: number;
  /** MiB per second of a base backup. Undefined: no limit. */
  readonly networkRateLimitMiBps: number | undefined;
}

/** Where the Secret of the store is mounted, and its keys. */
export const storeFiles = {
  secretName: "walg",
  directory: "/run/platform/walg",
  /** In the format of the AWS tools: no environment ever holds them. */
  credentials: "credentials",
  encryptionKey: "encryption-key",
  ca: "ca.crt",
} as const;

/**
 * MiB for the Go runtime of a container in which nothing else needs memory: 80 %. With less than wal-g holds anyway, it
 * spends its time on collecting garbage: a restore within 64 MiB takes many times as long.
 */
export const goMemoryMiB = (size: Size): number =>
  Math.floor(((size.memoryLimitMiB ?? size.memoryMiB) * 8) / 10);

/**
 * wal-g's environment. No value is secret: keys and credentials are names of files.
 * @param goMemoryMiB soft limit of the Go runtime, so that wal-g collects garbage before the kernel ends it
 */
export const renderWalgEnv = (settings: WalgSettings, goMemoryMiB: number): readonly EnvVar[] => {
  const { directory } = storeFiles;
  const env: Readonly<Partial<Record<WalgName, string>>> = {
    WALG_S3_PREFIX: `s3://${settings.bucket}/${settings.prefix}`,
    AWS_ENDPOINT: settings.endpoint,
    // Without a region wal-g asks the store for the bucket's, which not every key may.
    AWS_REGION: settings.region,
    AWS_S3_FORCE_PATH_STYLE: String(settings.pathStyle),
    AWS_SHARED_CREDENTIALS_FILE: `${directory}/${storeFiles.credentials}`,
    ...(settings.caCertificate === undefined
      ? {}
      : { WALG_S3_CA_CERT_FILE: `${directory}/${storeFiles.ca}` }),
    WALG_COMPRESSION_METHOD: "zstd",
    WALG_LIBSODIUM_KEY_PATH: `${directory}/${storeFiles.encryptionKey}`,
    WALG_LIBSODIUM_KEY_TRANSFORM: "hex",
    // The defaults (16 up, 10 down) want more memory and requests per second than a small machine and store have.
    WALG_UPLOAD_CONCURRENCY: "2",
    WALG_UPLOAD_DISK_CONCURRENCY: "1",
    WALG_DOWNLOAD_CONCURRENCY: "4",
    ...(settings.networkRateLimitMiBps === undefined
      ? {}
      : { WALG_NETWORK_RATE_LIMIT: String(settings.networkRateLimitMiBps * 1024 * 1024) }),
    WALG_PREVENT_WAL_OVERWRITE: "true",
    WALG_DELTA_MAX_STEPS: String(settings.deltaMaxSteps),
  };
  return [
    ...Object.entries(env).map(([name, text]) => value(name, text)),
    value("GOMEMLIMIT", `${String(goMemoryMiB)}MiB`),
  ];
};
