import { Postgres } from "../../components/data/index.ts";
import type { Build, Ground } from "./build.ts";

/** The database. */
export const createDatabase = (
  { name, config, profile, image, authority, foundation, opts }: Build,
  ground: Ground,
): Postgres =>
  new Postgres(
    `${name}-postgres`,
    {
      prefix: config.prefix,
      ...ground.namespace("data"),
      image: image("postgres"),
      size: profile.postgres.size,
      storageGiB: config.data.postgres.storageGiB,
      walGiB: config.data.postgres.walGiB,
      storageClass: ground.defaults.storageClass,
      priorityClass: ground.defaults.priorityClasses.data,
      clusterCidr: foundation.clusterCidr,
      passwords: {
        migration: config.secrets.postgresMigrationPassword,
        app: config.secrets.postgresAppPassword,
        monitor: config.secrets.postgresMonitorPassword,
      },
      authority,
      rotation: config.data.postgres.rotation,
    },
    { ...opts, dependsOn: ground.ready },
  );
