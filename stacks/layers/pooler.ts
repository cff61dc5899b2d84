import { maxConnections, PgBouncer, poolerLimits, type Postgres } from "../../components/data/index.ts";
import type { Build, Ground } from "./build.ts";

/** The pooler in front of the database; everything but migration, jobs and people goes through it. */
export const createPooler = (
  { name, config, profile, image, authority, opts }: Build,
  ground: Ground,
  postgres: Postgres,
): PgBouncer => {
  const { replicas, size } = profile.pgbouncer;
  return new PgBouncer(
    `${name}-pgbouncer`,
    {
      prefix: config.prefix,
      ...ground.namespace("data"),
      image: image("pgbouncer"),
      ...(config.monitoring === undefined
        ? {}
        : { exporter: { image: image("pgbouncerExporter"), size: profile.exporter.size } }),
      replicas,
      size,
      reloaderSize: profile.reloader.size,
      priorityClass: ground.defaults.priorityClasses.data,
      database: postgres.endpoint,
      limits: poolerLimits({ maxConnections, replicas, readers: config.data.postgres.readers.length }),
      lookupPassword: config.secrets.postgresPgbouncerPassword,
      statsPassword: config.secrets.pgbouncerStatsPassword,
      authority,
      rotation: config.data.pgbouncer.rotation,
    },
    { ...opts, dependsOn: [...ground.ready, postgres] },
  );
};
