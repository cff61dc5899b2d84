import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../stacks/config.ts";
import type { RawConfig, Secrets } from "../../../stacks/config.ts";
import { exampleConfig, fakeSecrets, secretsOf } from "./examples.ts";

const useConfig = (raw: RawConfig): void => {
  pulumi.runtime.setAllConfig({ ...raw.values }, [...raw.secretKeys]);
};

const reveal = (output: pulumi.Output<string>): Promise<{ value: string; secret: boolean }> =>
  new Promise((resolve) => {
    pulumi.all([output, pulumi.isSecret(output)]).apply(([value, secret]) => {
      resolve({ value, secret });
    });
  });

const secretOf = (secrets: Secrets, key: string): pulumi.Output<string> | undefined =>
  (secrets as unknown as Readonly<Record<string, pulumi.Output<string> | undefined>>)[key];

beforeEach(async () => {
  await pulumi.runtime.setMocks(
    { newResource: (args) => ({ id: args.name, state: {} }), call: () => ({}) },
    "platform",
    "staging",
    false,
  );
});

describe("loadConfig", () => {
  it("gives every needed secret as a Pulumi secret", async () => {
    useConfig(exampleConfig("staging"));
    const { secrets } = loadConfig();
    for (const [key, value] of Object.entries(secretsOf("staging"))) {
      const output = secretOf(secrets, key);
      if (output === undefined) throw new Error(`${key} is missing`);
      expect(await reveal(output), key).toEqual({ value, secret: true });
    }
  });

  it("leaves out what the stack has no use for", async () => {
    useConfig(exampleConfig("local", { "host.sshAuth": "agent", sshPrivateKey: undefined }));
    const { secrets, stack } = loadConfig();
    expect(stack).toBe("staging");
    expect(secrets.sshPrivateKey).toBeUndefined();
    expect(secrets.registryPassword).toBeUndefined();
    expect(secrets.backupEncryptionKey).toBeUndefined();
    expect(secrets.alertWebhookUrl).toBeUndefined();
    if (secrets.clusterToken === undefined) throw new Error("clusterToken is missing");
    expect(await reveal(secrets.clusterToken)).toEqual({ value: fakeSecrets["clusterToken"], secret: true });
  });

  it("sees a secret in clear, through the engine's own list", () => {
    const raw = exampleConfig("staging");
    useConfig({
      ...raw,
      secretKeys: new Set([...raw.secretKeys].filter((key) => key !== "platform:appJwtSecret")),
    });
    expect(() => loadConfig()).toThrow("appJwtSecret: stands in clear in the stack file");
  });

  it("reports as a RunError, which the engine prints without a trace", () => {
    useConfig(exampleConfig("staging", { profile: "huge" }));
    try {
      loadConfig();
      expect.unreachable();
    } catch (error) {
      expect(pulumi.RunError.isInstance(error)).toBe(true);
      expect(String(error)).toContain('profile: "huge" must be one of tiny, small, medium, large');
    }
  });
});
