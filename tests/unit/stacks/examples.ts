/** The committed stack files as raw config, with made-up secrets: what `pulumi` would hand to the program. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { RawConfig } from "../../../stacks/config.ts";
import { createCertificateAuthority } from "../../../scripts/lib/ca.ts";

export const exampleStacks = ["local", "staging", "production"] as const;
export type ExampleStack = (typeof exampleStacks)[number];

export const repositoryFile = (path: string): string =>
  fileURLToPath(new URL(`../../../${path}`, import.meta.url));

export const readRepositoryFile = (path: string): string => readFileSync(repositoryFile(path), "utf8");

const ca = await createCertificateAuthority("test", new Date("2026-01-01T00:00:00Z"));

/** A key block that has the outside of a real one and nothing in it. */
const fakeSshKey = [
  "-----BEGIN OPENSSH",
  "PRIVATE KEY-----\nZmFrZQ==\n-----END OPENSSH",
  "PRIVATE KEY-----\n",
].join(" ");

const fakeCoreSecrets: Readonly<Record<string, string>> = {
  sshPrivateKey: fakeSshKey,
  clusterToken: "fake-cluster-token-0123456789abcdef",
  clusterAgentToken: "fake-agent-token-0123456789abcdef",
  caPrivateKey: ca.privateKey,
  postgresMigrationPassword: "fake-migration-password-0123456789",
  postgresAppPassword: "fake-app-password-0123456789",
  postgresMonitorPassword: "fake-monitor-password-0123456789",
  postgresAppPasswordB: "fake-app-b-password-0123456789",
  postgresPgbouncerPassword: "fake-pgbouncer-password-0123456789",
  postgresMaintenancePassword: "fake-maintenance-password-0123456789",
  pgbouncerStatsPassword: "fake-stats-password-0123456789",
  cacheAppPassword: "fake-cache-password-0123456789",
  queueAppPassword: "fake-queue-password-0123456789",
  signallingVideoPassword: "fake-signalling-password-0123456789",
  redisMetricsPassword: "fake-redis-metrics-password-0123456789",
  redisProbePassword: "fake-redis-probe-password-0123456789",
  appJwtSecret: "fake-jwt-secret-0123456789-0123456789-abcdef",
  appSessionSecret: "fake-session-secret-0123456789-0123456789-abcdef",
  appCookieSecret: "fake-cookie-secret-0123456789-0123456789-abcdef",
  registryPassword: "fake-registry-password-0123456789",
};

/** Needed with a part that only some stacks have. */
const fakeBackupSecrets: Readonly<Record<string, string>> = {
  postgresBackupPassword: "fake-backup-password-0123456789",
  backupEncryptionKey: "fa4e".repeat(16),
  backupAccessKeyId: "FAKE-ACCESS-KEY-0123456789",
  backupSecretAccessKey: "fake/secret+access=key-0123456789",
};
const fakeWebhookSecrets: Readonly<Record<string, string>> = {
  alertWebhookUrl: "https://alerts.example.com/hook/fake-webhook-token-0123456789",
  deadMansSwitchUrl: "https://watchdog.example.com/ping/fake-switch-token-0123456789",
};
const fakeSmtpSecrets: Readonly<Record<string, string>> = {
  alertSmtpPassword: "fake smtp password 0123456789",
};
const fakeReaderSecrets: Readonly<Record<string, string>> = {
  postgresReaderPasswords: '{"jane_doe":"fake-reader-password-0123456789"}',
};

const needsRegistry: ReadonlySet<ExampleStack> = new Set(["staging", "production"]);

/** Made-up secrets that the stack file as committed needs. */
export const secretsOf = (stack: ExampleStack): Readonly<Record<string, string>> => {
  const { registryPassword, ...always } = fakeCoreSecrets;
  return needsRegistry.has(stack)
    ? { ...always, registryPassword: registryPassword ?? "", ...fakeBackupSecrets, ...fakeWebhookSecrets }
    : always;
};

/** All of them, also those that no example stack needs. */
export const fakeSecrets: Readonly<Record<string, string>> = {
  ...fakeCoreSecrets,
  ...fakeBackupSecrets,
  ...fakeWebhookSecrets,
  ...fakeSmtpSecrets,
  ...fakeReaderSecrets,
};

/** What must not be seen anywhere: the values, and the passwords inside of them. */
export const canaries: readonly string[] = [...Object.values(fakeSecrets), "fake-reader-password-0123456789"];

const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Settings of a stack file as plain values, with the CA of the fake secrets. */
export const exampleSettings = (stack: ExampleStack): Record<string, unknown> => {
  const file = parse(readRepositoryFile(`Pulumi.${stack}.yaml`)) as { config: Record<string, unknown> };
  return { ...file.config, "platform:caCertificate": ca.certificate };
};

/** Sets a value deep inside; undefined removes the key. */
const put = (
  target: Record<string, unknown>,
  [head = "", ...rest]: readonly string[],
  value: unknown,
): void => {
  if (rest.length > 0) {
    const inner = { ...((target[head] ?? {}) as Record<string, unknown>) };
    put(inner, rest, value);
    target[head] = inner;
  } else if (value === undefined) {
    Reflect.deleteProperty(target, head);
  } else {
    target[head] = value;
  }
};

/**
 * Raw config of an example stack.
 * @param changes by path below `platform:`, e.g. `{ "host.sshPort": 0 }`; undefined removes
 */
export const exampleConfig = (
  stack: ExampleStack,
  changes: Readonly<Record<string, unknown>> = {},
): RawConfig => {
  const values: Record<string, unknown> = exampleSettings(stack);
  for (const [key, value] of Object.entries(secretsOf(stack))) values[`platform:${key}`] = value;
  for (const [path, value] of Object.entries(changes)) {
    const [head = "", ...rest] = path.split(".");
    put(values, [head.includes(":") ? head : `platform:${head}`, ...rest], value);
  }
  return {
    stack,
    values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, asText(value)])),
    secretKeys: new Set(Object.keys(fakeSecrets).map((key) => `platform:${key}`)),
  };
};
