/** Typed settings of database, backup, caches and monitoring. Every default is filled in. */

import type { ImageContents } from "../../components/workload/images.ts";

export interface MaintenanceConfig {
  /** Five cron fields. */
  readonly vacuumSchedule: string;
  /** Five cron fields. */
  readonly amcheckSchedule: string;
  /** Of both schedules, e.g. `Etc/UTC`. */
  readonly timeZone: string;
}

export interface PostgresConfig {
  readonly storageGiB: number;
  /** Size of the write-ahead log's own volume. */
  readonly walGiB: number;
  readonly rotation: number;
  /** API and worker log in as `app_a` or `app_b`. */
  readonly activeAppUser: "a" | "b";
  /** What an empty volume becomes. */
  readonly bootstrap: "initdb" | "restore";
  /** What the override `images.postgres` carries. Undefined: what the catalogue's entry does. */
  readonly imageContents: ImageContents | undefined;
  /** Names of people, each a read-only role. */
  readonly readers: readonly string[];
  /** `schema.table`. Undefined: all tables of schema public. */
  readonly auditedTables: readonly string[] | undefined;
  readonly maintenance: MaintenanceConfig;
}

export interface DrillConfig {
  readonly enabled: boolean;
  /** Five cron fields, in the time zone of the backup. */
  readonly schedule: string;
  readonly storageGiB: number;
}

export interface BackupConfig {
  /** `https://host` or `https://host:port`. */
  readonly endpoint: string;
  /** Empty: the store has a public address. */
  readonly endpointCidrs: readonly string[];
  readonly bucket: string;
  readonly region: string;
  readonly pathStyle: boolean;
  /** Path in the bucket without slash at either end, e.g. `pg18/hc-prod`. */
  readonly prefix: string;
  /** PEM. Undefined: a public CA signs for the store. */
  readonly caCertificate: string | undefined;
  /** Five cron fields. */
  readonly schedule: string;
  readonly timeZone: string;
  readonly retainFull: number;
  readonly deltaMaxSteps: number;
  /** MiB per second. Undefined: no limit. */
  readonly networkRateLimitMiBps: number | undefined;
  /** Five cron fields. */
  readonly verifySchedule: string;
  readonly wal: "archive" | "stream";
  /** Undefined: the image carries wal-g. */
  readonly binary: { readonly url: string; readonly sha256: string } | undefined;
  readonly drill: DrillConfig;
}

export interface DataConfig {
  readonly postgres: PostgresConfig;
  readonly pgbouncer: { readonly rotation: number };
  /** Undefined: no backups. */
  readonly backup: BackupConfig | undefined;
}

export interface CacheConfig {
  readonly dragonfly: { readonly rotation: number };
  readonly redis: {
    readonly rotation: number;
    readonly queueStorageGiB: number;
    readonly signallingStorageGiB: number;
  };
}

export type ReceiverConfig =
  | { readonly kind: "webhook" }
  | {
      readonly kind: "smtp";
      readonly host: string;
      readonly port: number;
      readonly from: string;
      readonly to: string;
      readonly username: string;
    };

export interface MonitoringConfig {
  readonly retentionDays: number;
  readonly storageGiB: number;
  readonly receiver: ReceiverConfig;
  readonly deadMansSwitch: boolean;
  /** Empty: receiver and switch have public addresses. */
  readonly receiverCidrs: readonly string[];
  readonly rotation: number;
}
