/** The secrets of a stack: flat keys, encrypted one by one, never inside a structured value. */

export interface SecretDeclaration {
  readonly description: string;
  /** What a stack must have or be to need it; `isNeeded` decides. */
  readonly required:
    | "always"
    | "own cluster"
    | "host.sshAuth key"
    | "cluster.registry"
    | "data.backup"
    | "data.postgres.readers"
    | "monitoring.receiver webhook"
    | "monitoring.receiver smtp"
    | "monitoring.deadMansSwitch";
  readonly minimumLength: number;
  /** What the text has to look like, where it is not a password. */
  readonly form?: "private key" | "64 hex" | "https URL" | "passwords by name";
  /** Someone else makes it, and decides which characters are in it. */
  readonly issuedElsewhere?: true;
}

/** Values below 16 characters are not safely masked in the engine's output. */
const password = 16;
/** The application refuses shorter signing secrets. */
const signing = 32;
/** Others have rules of their own. */
const issued = 8;

const made = (description: string): { description: string; required: "always"; minimumLength: number } => ({
  description,
  required: "always",
  minimumLength: password,
});

export const secretDeclarations = {
  sshPrivateKey: {
    description: "Private key for SSH to the host, PEM or OpenSSH format, without passphrase.",
    required: "host.sshAuth key",
    minimumLength: password,
    form: "private key",
  },
  clusterToken: {
    description: "k3s server token. Needed to restore any snapshot of the cluster: keep it.",
    required: "own cluster",
    minimumLength: password,
  },
  clusterAgentToken: {
    description: "k3s agent token: joins workers, cannot restore.",
    required: "own cluster",
    minimumLength: password,
  },
  caPrivateKey: {
    description: "Private key of the internal CA, PEM.",
    required: "always",
    minimumLength: password,
    form: "private key",
  },
  postgresMigrationPassword: {
    description: "Password of the database role that owns the schema.",
    required: "always",
    minimumLength: password,
  },
  postgresAppPassword: made(
    "Password of the database role app_a; data.postgres.activeAppUser chooses a or b.",
  ),
  postgresAppPasswordB: made("Password of the database role app_b."),
  postgresMonitorPassword: {
    description: "Password of the database role that reads statistics.",
    required: "always",
    minimumLength: password,
  },
  postgresPgbouncerPassword: made("Password of the database role pgbouncer_auth, which looks up logins."),
  postgresMaintenancePassword: made("Password of the database role of the maintenance jobs."),
  postgresReaderPasswords: {
    description: "JSON object: name of each of data.postgres.readers to the person's password.",
    required: "data.postgres.readers",
    minimumLength: password,
    form: "passwords by name",
  },
  postgresBackupPassword: {
    description: "Password of the database role that makes base backups.",
    required: "data.backup",
    minimumLength: password,
  },
  backupEncryptionKey: {
    description:
      "Key of all backups, 64 hex characters. Without it every backup is lost: keep a copy outside, for ever.",
    required: "data.backup",
    minimumLength: 64,
    form: "64 hex",
  },
  backupAccessKeyId: {
    description: "Access key of the backup store. It should not be able to delete.",
    required: "data.backup",
    minimumLength: issued,
    issuedElsewhere: true,
  },
  backupSecretAccessKey: {
    description: "The secret half of that access key.",
    required: "data.backup",
    minimumLength: password,
    issuedElsewhere: true,
  },
  pgbouncerStatsPassword: made("Password of PgBouncer's user that reads statistics."),
  cacheAppPassword: made("Password of API and worker at the cache."),
  queueAppPassword: made("Password of API and worker at the job queues."),
  signallingVideoPassword: made("Password of the video server at its Redis."),
  redisMetricsPassword: made("Password of the Redis users that read statistics."),
  redisProbePassword: made("Password of the Redis users of the health probes."),
  alertWebhookUrl: {
    description: "Where alerts are posted, with its token.",
    required: "monitoring.receiver webhook",
    minimumLength: password,
    form: "https URL",
    issuedElsewhere: true,
  },
  alertSmtpPassword: {
    description: "Password at the mail server that takes the alerts.",
    required: "monitoring.receiver smtp",
    minimumLength: issued,
    issuedElsewhere: true,
  },
  deadMansSwitchUrl: {
    description: "Watchdog outside this machine that raises the alarm when it no longer hears from us.",
    required: "monitoring.deadMansSwitch",
    minimumLength: password,
    form: "https URL",
    issuedElsewhere: true,
  },
  appJwtSecret: {
    description: "Signs the application's tokens.",
    required: "always",
    minimumLength: signing,
  },
  appSessionSecret: {
    description: "Signs the application's sessions.",
    required: "always",
    minimumLength: signing,
  },
  appCookieSecret: {
    description: "Signs the application's cookies.",
    required: "always",
    minimumLength: signing,
  },
  registryPassword: {
    description: "Password or token for the private registry.",
    required: "cluster.registry",
    minimumLength: password,
    issuedElsewhere: true,
  },
} as const satisfies Record<string, SecretDeclaration>;

export type SecretKey = keyof typeof secretDeclarations;

export const secretKeys = Object.keys(secretDeclarations) as readonly SecretKey[];

export const isSecretKey = (key: string): key is SecretKey => Object.hasOwn(secretDeclarations, key);

/** Not made by stack:init: someone else issues them. */
export const issuedSecretKeys = secretKeys.filter((key) => {
  const declaration: SecretDeclaration = secretDeclarations[key];
  return declaration.issuedElsewhere === true;
});
