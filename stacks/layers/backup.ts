import {
  archiveHook,
  Backup,
  WalgStore,
  type ArchiveFlowArgs,
  type ArchiveHook,
  type Postgres,
  type WalgSettings,
  type WalgSource,
} from "../../components/data/index.ts";
import { labels, type Layer } from "../../components/workload/index.ts";
import type { BackupConfig } from "../config.ts";
import type { Build, Ground } from "./build.ts";

/** Writers wait for a fingerprint at night, but not longer than this. */
const fingerprintSeconds = 60;

export const walgSettings = (backup: BackupConfig): WalgSettings => ({ ...backup });

/** How flows describe the store and the way to a wal-g. */
export const archiveFlowArgs = (backup: BackupConfig): ArchiveFlowArgs => ({
  endpoint: backup.endpoint,
  endpointCidrs: backup.endpointCidrs,
  downloadUrl: backup.binary?.url,
});

export const walgSource = ({ image }: Build, backup: BackupConfig): WalgSource =>
  backup.binary === undefined
    ? { kind: "image" }
    : { kind: "download", ...backup.binary, curl: image("curl") };

/** The credentials of the store in one namespace. */
export const createStore = (
  { name, config, opts }: Build,
  ground: Ground,
  backup: BackupConfig,
  layer: Layer,
): WalgStore => {
  const { backupAccessKeyId, backupSecretAccessKey, backupEncryptionKey } = config.secrets;
  if (
    backupAccessKeyId === undefined ||
    backupSecretAccessKey === undefined ||
    backupEncryptionKey === undefined
  )
    throw new Error("data.backup: its secrets are missing; npm run stack:init makes or asks for them");
  return new WalgStore(
    `${name}-${layer}-walg`,
    {
      namespace: ground.namespace(layer).namespace,
      labels: labels({ prefix: config.prefix, app: "walg", component: "store" }).all,
      accessKeyId: backupAccessKeyId,
      secretAccessKey: backupSecretAccessKey,
      encryptionKey: backupEncryptionKey,
      caCertificate: backup.caCertificate,
    },
    { ...opts, dependsOn: ground.ready },
  );
};

export interface Archive {
  readonly hook: ArchiveHook;
  readonly store: WalgStore;
}

/** What the database needs to archive, before it exists. Undefined: no backups. */
export const createArchive = (build: Build, ground: Ground): Archive | undefined => {
  const { backup } = build.config.data;
  if (backup === undefined) return undefined;
  return {
    store: createStore(build, ground, backup, "data"),
    hook: archiveHook({
      store: walgSettings(backup),
      source: walgSource(build, backup),
      streams: backup.wal === "stream",
      size: build.profile.postgres.size,
    }),
  };
};

/** Base backups, retention and checks. */
export const createBackup = (build: Build, ground: Ground, postgres: Postgres): Backup | undefined => {
  const { name, config, profile, image, opts } = build;
  const { backup } = config.data;
  if (backup === undefined) return undefined;
  const { size } = profile.backup;
  return new Backup(
    `${name}-backup`,
    {
      prefix: config.prefix,
      namespace: ground.namespace("data").namespace,
      image: image("postgres"),
      size,
      keeperSize: profile.backupKeeper.size,
      stream: backup.wal === "stream" ? { size: profile.logStream.size } : undefined,
      priorityClass: ground.defaults.priorityClasses.jobs,
      store: walgSettings(backup),
      source: walgSource(build, backup),
      databaseHost: postgres.endpoint.host,
      retainFull: backup.retainFull,
      fingerprintSeconds: backup.drill.enabled ? fingerprintSeconds : undefined,
      schedule: backup.schedule,
      verifySchedule: backup.verifySchedule,
      timeZone: backup.timeZone,
    },
    { ...opts, dependsOn: [...ground.ready, postgres] },
  );
};
