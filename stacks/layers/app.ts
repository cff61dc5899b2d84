import { Api, AppSettings, Migration, Worker } from "../../components/app/index.ts";
import { appRole, database, roles, type PgBouncer, type Postgres } from "../../components/data/index.ts";
import { labels } from "../../components/workload/index.ts";
import type { Build, Ground } from "./build.ts";

/** What the application stands on. */
export interface AppData {
  readonly postgres: Postgres;
  readonly pooler: PgBouncer;
}

/** Settings, migration, then API and worker. */
export const createApp = (build: Build, ground: Ground, data: AppData): Api => {
  const { name, config, profile, image, opts } = build;
  const inApp = ground.namespace("app");
  const settings = createAppSettings(build, ground, data);
  const { postgres, pooler } = data;
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
    // Their environment is read at their start: who logs in where is part of it.
    rotation: [
      String(config.app.rotation),
      String(config.data.postgres.rotation),
      `${appRole(config.data.postgres.activeAppUser)}@${pooler.endpoint.host}:${String(pooler.endpoint.port)}`,
    ].join("."),
  };
  const after = { ...opts, dependsOn: [...ground.ready, migration, pooler] };
  if (config.app.workerEnabled)
    new Worker(`${name}-worker`, { ...serving, size: profile.worker.size }, after);
  return new Api(
    `${name}-api`,
    {
      ...serving,
      replicas: profile.api.replicas,
      size: profile.api.size,
      healthPath: config.app.healthPath,
      livenessPath: config.app.livenessPath,
    },
    after,
  );
};

const createAppSettings = (
  { name, config, opts }: Build,
  ground: Ground,
  { postgres, pooler }: AppData,
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
      jwtSecret: secrets.appJwtSecret,
      sessionSecret: secrets.appSessionSecret,
      cookieSecret: secrets.appCookieSecret,
      caCertificate: config.caCertificate,
    },
    { ...opts, dependsOn: ground.ready },
  );
};
