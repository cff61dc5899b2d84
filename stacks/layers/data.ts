import { Maintenance, Postgres } from "../../components/data/index.ts";
import type { Archive } from "./backup.ts";
import type { Build, Ground } from "./build.ts";

/** The database; `archive` when there are backups. */
export const createDatabase = (
  { name, config, profile, image, authority, foundation, opts }: Build,
  ground: Ground,
  archive: Archive | undefined,
): Postgres => {
  const { secrets } = config;
  const { postgres } = config.data;
  return new Postgres(
    `${name}-postgres`,
    {
      prefix: config.prefix,
      ...ground.namespace("data"),
      image: image("postgres"),
      size: profile.postgres.size,
      storageGiB: postgres.storageGiB,
      walGiB: postgres.walGiB,
      storageClass: ground.defaults.storageClass,
      priorityClass: ground.defaults.priorityClasses.data,
      clusterCidr: foundation.clusterCidr,
      passwords: {
        migration: secrets.postgresMigrationPassword,
        app_a: secrets.postgresAppPassword,
        app_b: secrets.postgresAppPasswordB,
        pgbouncer_auth: secrets.postgresPgbouncerPassword,
        monitor: secrets.postgresMonitorPassword,
        maintenance: secrets.postgresMaintenancePassword,
        ...(secrets.postgresBackupPassword === undefined ? {} : { backup: secrets.postgresBackupPassword }),
      },
      ...(secrets.postgresReaderPasswords === undefined
        ? {}
        : {
            readers: { names: postgres.readers, passwords: secrets.postgresReaderPasswords },
          }),
      ...(archive === undefined ? {} : { archive: archive.hook }),
      auditedTables: postgres.auditedTables,
      bootstrap: postgres.bootstrap,
      authority,
      rotation: postgres.rotation,
    },
    { ...opts, dependsOn: [...ground.ready, ...(archive === undefined ? [] : [archive.store])] },
  );
};

/** What looks after the database by schedule. */
export const createMaintenance = (
  { name, config, profile, image, opts }: Build,
  ground: Ground,
  postgres: Postgres,
): Maintenance =>
  new Maintenance(
    `${name}-maintenance`,
    {
      prefix: config.prefix,
      namespace: ground.namespace("data").namespace,
      image: image("postgres"),
      size: profile.maintenance.size,
      priorityClass: ground.defaults.priorityClasses.jobs,
      databaseHost: postgres.endpoint.host,
      ...config.data.postgres.maintenance,
    },
    { ...opts, dependsOn: [...ground.ready, postgres] },
  );
