import { randomBytes } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { repository, RigStack, type Result } from "../../rig/stack.ts";

interface PreviewStep {
  readonly op: string;
  readonly urn: string;
}
interface Preview {
  readonly steps: readonly PreviewStep[];
}

const directoryOf = (stack: string): string => join(repository, ".rig", "engine", stack);

/** What others issue, so stack:init does not make it. */
const issued = (): Readonly<Record<string, string>> => {
  const token = (): string => randomBytes(24).toString("hex");
  return {
    registryPassword: token(),
    backupAccessKeyId: token(),
    backupSecretAccessKey: token(),
    alertWebhookUrl: `https://alerts.example.org/${token()}`,
    deadMansSwitchUrl: `https://watchdog.example.org/${token()}`,
  };
};

/** `type name` of everything that a first `up` would create. */
const created = (preview: Result): string[] => {
  const { steps } = JSON.parse(preview.stdout) as Preview;
  return steps.filter((s) => s.op === "create").map((s) => s.urn.split("::").slice(2).join(" "));
};

describe.each(["staging", "production"])("preview of %s by the real engine", (name) => {
  const stack = new RigStack({ directory: directoryOf(name), stack: name });
  let preview: Result;

  beforeAll(async () => {
    rmSync(stack.directory, { recursive: true, force: true });
    const fresh = new RigStack({ directory: directoryOf(name), stack: name });
    await fresh.configure();
    await fresh.init();
    for (const [key, value] of Object.entries(issued())) await fresh.setSecret(key, value);
    preview = await fresh.pulumi(["preview", "--json"]);
  });

  afterAll(() => {
    rmSync(stack.directory, { recursive: true, force: true });
  });

  it("plans every layer without touching anything", () => {
    expect(preview.stderr).not.toContain("error:");
    expect(preview.code).toBe(0);
    const types = created(preview).map((line) => line.split(" ")[0]?.split("$").at(-1));
    expect(types).toEqual(
      expect.arrayContaining([
        "pulumi:pulumi:Stack",
        "command:remote:Command",
        "pulumi:providers:kubernetes",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:apps/v1:DaemonSet",
        "kubernetes:batch/v1:Job",
        "kubernetes:networking.k8s.io/v1:NetworkPolicy",
      ]),
    );
  });

  it("shows no secret: neither the keys nor the passwords that stack:init made", async () => {
    const secrets = await stack.pulumi(["config", "--show-secrets", "--json"]);
    const values = Object.entries(
      JSON.parse(secrets.stdout) as Record<string, { value: string; secret: boolean }>,
    )
      .filter(([, entry]) => entry.secret)
      .map(([key, entry]) => [key, entry.value] as const);
    expect(values.length).toBeGreaterThanOrEqual(10);
    const said = preview.stdout + preview.stderr + readFileSync(stack.configFile, "utf8");
    // A PEM or a multi-line value would be printed with escaped line ends: look for a piece from its middle.
    const leaked = values.filter(([, value]) =>
      said.includes(value.replaceAll("\n", "").slice(-40, -20) || value),
    );
    expect(leaked.map(([key]) => key)).toEqual([]);
  });

  it("makes no second set of secrets when stack:init runs again", async () => {
    const before = readFileSync(stack.configFile, "utf8");
    await stack.init();
    expect(readFileSync(stack.configFile, "utf8")).toBe(before);
  });

  it("refuses a bad setting before any resource, and names its key", async () => {
    const bad = new RigStack({ directory: directoryOf(name), stack: name });
    await bad.configure({ "platform:host": { sshPort: 70_000 }, "platform:domian": "example.org" });
    const result = await bad.pulumi(["preview", "--json"]);
    await bad.configure({ "platform:host": { sshPort: null }, "platform:domian": null });
    expect(result.code).not.toBe(0);
    expect(result.stdout + result.stderr).toContain("host.sshPort");
    expect(result.stdout + result.stderr).toMatch(/domian.*domain/s);
  });

  it("refuses the wrong passphrase and says so", async () => {
    const result = await stack.inEnvironment([
      "env",
      "-u",
      "PULUMI_CONFIG_PASSPHRASE_FILE",
      "PULUMI_CONFIG_PASSPHRASE=not-the-one",
      "pulumi",
      "--non-interactive",
      "preview",
      "--stack",
      name,
      "--config-file",
      stack.configFile,
    ]);
    expect(result.code).not.toBe(0);
    expect(result.stdout + result.stderr).toMatch(/incorrect passphrase/);
  });
});
