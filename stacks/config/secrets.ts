/** The secrets of a stack: flat keys, encrypted one by one, never inside a structured value. */

export interface SecretDeclaration {
  readonly description: string;
  /** `config`: the stack needs it only under the condition that rules.ts checks. */
  readonly required: "always" | "own cluster" | "host.sshAuth key" | "cluster.registry";
  readonly minimumLength: number;
  /** What the text has to look like, where it is not a password. */
  readonly pem?: "PRIVATE KEY";
}

/** Values below 16 characters are not safely masked in the engine's output. */
const password = 16;
/** The application refuses shorter signing secrets. */
const signing = 32;

export const secretDeclarations = {
  sshPrivateKey: {
    description: "Private key for SSH to the host, PEM or OpenSSH format, without passphrase.",
    required: "host.sshAuth key",
    minimumLength: password,
    pem: "PRIVATE KEY",
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
    pem: "PRIVATE KEY",
  },
  postgresMigrationPassword: {
    description: "Password of the database role that owns the schema.",
    required: "always",
    minimumLength: password,
  },
  postgresAppPassword: {
    description: "Password of the database role of API and worker.",
    required: "always",
    minimumLength: password,
  },
  postgresMonitorPassword: {
    description: "Password of the database role that reads statistics.",
    required: "always",
    minimumLength: password,
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
  },
} as const satisfies Record<string, SecretDeclaration>;

export type SecretKey = keyof typeof secretDeclarations;

export const secretKeys = Object.keys(secretDeclarations) as readonly SecretKey[];

export const isSecretKey = (key: string): key is SecretKey => Object.hasOwn(secretDeclarations, key);
