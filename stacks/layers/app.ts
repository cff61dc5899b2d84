import { Api, AppSettings, Migration, Worker } from "../../components/app/index.ts";
import { appRole, database, roles, type Postgres } from "../../components/data/index.ts";
import { labels } from "../../components/workload/index.ts";
import type { Build, Ground } from "./build.ts";

/** Settings, migration, then API and worker. */
export const createApp = (build: Build, ground: Ground, postgres: Postgres): Api => {
  const { name, config, profile, image, opts } = build;
  const inApp = ground.namespace("app");
  const settings = createAppSettings(build, ground, postgres);
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
    // Another login of the database restarts its clients; the same counter as before where none was switched.
    rotation: [
      String(config.app.rotation),
      String(config.data.postgres.rotation),
      ...(config.data.postgres.activeAppUser === "a" ? [] : ["b"]),
    ].join("."),
  };
  const after = { ...opts, dependsOn: [...ground.ready, migration] };
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

const createAppSettings = ({ name, config, opts }: Build, ground: Ground, postgres: Postgres): AppSettings =>
  new AppSettings(
    `${name}-app`,
    {
      namespace: ground.namespace("app").namespace,
      labels: labels({ prefix: config.prefix, app: "app", component: "settings" }).all,
      database: {
        ...postgres.endpoint,
        database,
        appUser: appRole(config.data.postgres.activeAppUser),
        migrationUser: roles.migration,
        appPassword:
          config.data.postgres.activeAppUser === "a"
            ? config.secrets.postgresAppPassword
            : config.secrets.postgresAppPasswordB,
        migrationPassword: config.secrets.postgresMigrationPassword,
      },
      jwtSecret: config.secrets.appJwtSecret,
      sessionSecret: config.secrets.appSessionSecret,
      cookieSecret: config.secrets.appCookieSecret,
      caCertificate: config.caCertificate,
    },
    { ...opts, dependsOn: ground.ready },
  );
