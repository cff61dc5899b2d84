/** Stack config, typed and checked: the only reader of it. The schema stands in config/schema.ts. */

import * as pulumi from "@pulumi/pulumi";
import { namespace, parseConfig } from "./config/parse.ts";
import { ConfigError } from "./config/problems.ts";
import { isNeeded } from "./config/secret-rules.ts";
import { secretKeys } from "./config/secrets.ts";
import type { SecretKey } from "./config/secrets.ts";
import type { PlatformConfig, Secrets, Settings } from "./config/types.ts";

export { namespace, parseConfig } from "./config/parse.ts";
export type { RawConfig } from "./config/parse.ts";
export { ConfigError } from "./config/problems.ts";
export type * from "./config/types.ts";

/** In the SDK but not in its types. Without it a secret in clear would pass unnoticed, so its absence is an error. */
const isEncrypted = (key: string): boolean =>
  (pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean }).isConfigSecret(key);

const readSecrets = (settings: Settings): Secrets => {
  const config = new pulumi.Config(namespace);
  const read = (key: SecretKey): pulumi.Output<string> | undefined =>
    isNeeded(key, settings) === true ? config.requireSecret(key) : undefined;
  // The keys are those of the type, and what is always needed is always there.
  const secrets = Object.fromEntries(secretKeys.map((key) => [key, read(key)]));
  return secrets as Record<SecretKey, pulumi.Output<string> | undefined> as Secrets;
};

/**
 * The config of the stack that is being run.
 * @throws pulumi.RunError (printed without a trace) with all problems at once.
 */
export const loadConfig = (): PlatformConfig => {
  const values = pulumi.runtime.allConfig();
  const encrypted = new Set(Object.keys(values).filter(isEncrypted));
  try {
    const settings = parseConfig({ stack: pulumi.getStack(), values, secretKeys: encrypted });
    return { ...settings, secrets: readSecrets(settings) };
  } catch (error) {
    if (error instanceof ConfigError) throw new pulumi.RunError(error.message);
    throw error;
  }
};
