import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { fromSecret, type EnvVar } from "../workload/index.ts";
import { cacheEnv, passwordName, type CacheAccess } from "./cacheEnv.ts";
import { databaseUrl } from "./databaseUrl.ts";
import { appLayout } from "./layout.ts";

export interface DatabaseLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: pulumi.Output<string>;
}

export interface DatabaseAccess {
  readonly database: string;
  /** API and worker, through the pooler. */
  readonly application: DatabaseLogin;
  /** Straight to the server: migrations lock and set what a pooled connection would not keep. */
  readonly migration: DatabaseLogin;
}

export interface AppSettingsArgs {
  readonly namespace: pulumi.Input<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly database: DatabaseAccess;
  readonly cache: CacheAccess;
  readonly queue: CacheAccess;
  readonly jwtSecret: pulumi.Output<string>;
  readonly sessionSecret: pulumi.Output<string>;
  readonly cookieSecret: pulumi.Output<string>;
  /** PEM. */
  readonly caCertificate: string;
}

/**
 * Creates what the application's processes read: the Secrets behind their environment and the CA file.
 * The migration's credentials lie in a Secret of their own, which API and worker never mount.
 * State: copies of config, encrypted; restore: redeploy.
 */
export class AppSettings extends pulumi.ComponentResource {
  /** Environment of API and worker. */
  public readonly env: readonly EnvVar[];
  public readonly migrationEnv: readonly EnvVar[];
  /** ConfigMap with the CA; a new CA means a new name, and rolls what mounts it. */
  public readonly caConfigMap: pulumi.Output<string>;

  constructor(name: string, args: AppSettingsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:app:AppSettings", name, {}, opts);
    const { database } = args;
    const application = createSecret(this, name, "database", args, {
      DATABASE_URL: urlOf(database.database, database.application),
    });
    const migration = createSecret(this, name, "migration-database", args, {
      MIGRATION_DATABASE_URL: urlOf(database.database, database.migration),
    });
    const secrets = createSecret(this, name, "secrets", args, {
      JWT_SECRET: args.jwtSecret,
      SESSION_SECRET: args.sessionSecret,
      COOKIE_SECRET: args.cookieSecret,
    });
    const caches = createSecret(this, name, "cache", args, {
      [passwordName("cache")]: args.cache.password,
      [passwordName("queue")]: args.queue.password,
    });
    this.env = [
      ...references(application, ["DATABASE_URL"]),
      ...references(secrets, ["JWT_SECRET", "SESSION_SECRET", "COOKIE_SECRET"]),
      ...cacheEnv(args, caches.metadata.name),
    ];
    this.migrationEnv = references(migration, ["MIGRATION_DATABASE_URL"]);
    this.caConfigMap = new k8s.core.v1.ConfigMap(
      `${name}-ca`,
      {
        metadata: { namespace: args.namespace, labels: { ...args.labels } },
        data: { "ca.crt": args.caCertificate },
      },
      { parent: this },
    ).metadata.name;
    this.registerOutputs({ caConfigMap: this.caConfigMap });
  }
}

const urlOf = (database: string, { host, port, user, password }: DatabaseLogin): pulumi.Output<string> =>
  password.apply((plain) =>
    databaseUrl({ user, password: plain, host, port, database, caFile: appLayout.caFile }),
  );

/** Fixed names, changed in place; `app.rotation` restarts who reads them. */
const createSecret = (
  parent: AppSettings,
  name: string,
  role: string,
  args: AppSettingsArgs,
  data: Readonly<Record<string, pulumi.Output<string>>>,
): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    `${name}-${role}`,
    {
      metadata: { name: `app-${role}`, namespace: args.namespace, labels: { ...args.labels } },
      stringData: { ...data },
    },
    { parent },
  );

const references = (secret: k8s.core.v1.Secret, keys: readonly string[]): readonly EnvVar[] =>
  keys.map((key) => fromSecret(key, { secretName: secret.metadata.name, key }));
