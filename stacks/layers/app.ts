import { Api, AppSettings, Migration, Worker } from "../../components/app/index.ts";
import { cacheKeyPrefix, queueKeyPrefix } from "../../components/cache/index.ts";
import { appRole, database, roles, type PgBouncer, type Postgres } from "../../components/data/index.ts";
import { labels } from "../../components/workload/index.ts";
import type { Build, Ground } from "./build.ts";
import type { Caches } from "./cache.ts";

/** What the application stands on. */
export interface AppData {
  readonly postgres: Postgres;
  readonly pooler: PgBouncer;
  readonly caches: Caches;
}

/** Settings, migration, then API and worker. */
export const createApp = (build: Build, ground: Ground, data: AppData): Api => {
  const { name, config, profile, image, authority, opts } = build;
  const inApp = ground.namespace("app");
  const settings = createAppSettings(build, ground, data);
  const { postgres, pooler, caches } = data;
  const priority = ground.defaults.priorityClasses;
  const common = { prefix: config.prefix, ...inApp, image: image("app"), caConfigMap: settings.caConfigMap };
  const migration = new Migration(
    `${name}-migration`,
    {
      ...common,
      postgresImage: image("postgres"),
      databaseHost: postgres.endpoint.host,
      databasePort: postgres.endpoint.port,
      databaseUser: roles.migration,
      command: config.app.migrationCommand,
      env: settings.migrationEnv,
      priorityClass: priority.jobs,
      size: profile.migration.size,
    },
    { ...opts, dependsOn: [...ground.ready, postgres] },
  );
  const serving = {
    ...common,
    env: settings.env,
    priorityClass: priority.app,
    // Their environment is read at their start: who logs in where is part of it, and every password that may change.
    rotation: [
      String(config.app.rotation),
      String(config.data.postgres.rotation),
      `${appRole(config.data.postgres.activeAppUser)}@${pooler.endpoint.host}:${String(pooler.endpoint.port)}`,
      String(config.cache.dragonfly.rotation),
      String(config.cache.redis.rotation),
    ].join("."),
  };
  const after = {
    ...opts,
    dependsOn: [...ground.ready, migration, pooler, caches.dragonfly, caches.queue],
  };
  if (config.app.workerEnabled)
    new Worker(`${name}-worker`, { ...serving, size: profile.worker.size }, after);
  return new Api(
    `${name}-api`,
    {
      ...serving,
      replicas: profile.api.replicas,
      size: profile.api.size,
      tlsFrontSize: profile.tlsFront.size,
      authority,
      healthPath: config.app.healthPath,
      livenessPath: config.app.livenessPath,
    },
    after,
  );
};

const createAppSettings = (
  { name, config, opts }: Build,
  ground: Ground,
  { postgres, pooler, caches }: AppData,
): AppSettings => {
  const { secrets } = config;
  const { activeAppUser } = config.data.postgres;
  return new AppSettings(
    `${name}-app`,
    {
      namespace: ground.namespace("app").namespace,
      labels: labels({ prefix: config.prefix, app: "app", component: "settings" }).all,
      database: {
        database,
        application: {
          ...pooler.endpoint,
          user: appRole(activeAppUser),
          password: activeAppUser === "a" ? secrets.postgresAppPassword : secrets.postgresAppPasswordB,
        },
        migration: {
          ...postgres.endpoint,
          user: roles.migration,
          password: secrets.postgresMigrationPassword,
        },
      },
      cache: {
        ...caches.dragonfly.endpoint,
        keyPrefix: cacheKeyPrefix(config.prefix),
        password: secrets.cacheAppPassword,
      },
      queue: {
        ...caches.queue.endpoint,
        keyPrefix: queueKeyPrefix(config.prefix),
        password: secrets.queueAppPassword,
      },
      jwtSecret: secrets.appJwtSecret,
      sessionSecret: secrets.appSessionSecret,
      cookieSecret: secrets.appCookieSecret,
      caCertificate: config.caCertificate,
    },
    { ...opts, dependsOn: ground.ready },
  );
};
