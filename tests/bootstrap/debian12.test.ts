import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { host, onHost, repository, RigStack } from "../../rig/stack.ts";
import { fingerprint } from "../e2e/fingerprint.ts";
import { bootstrapTargets } from "../e2e/support.ts";

const name = "deb12";
const directory = join(repository, ".rig", "bootstrap", name);

describe("Debian 12, bare, without the packages that the bootstrap needs", () => {
  const stack = new RigStack({ directory, hostName: name });

  beforeAll(async () => {
    await host("destroy", name).catch(() => undefined);
    await host("create", name, "--suite", "bookworm", "--without-packages");
    await host("start", name);
    await stack.configure();
    await stack.init();
  });

  afterAll(async () => {
    await host("destroy", name);
    rmSync(directory, { recursive: true, force: true });
  });

  it("becomes a node that is Ready", async () => {
    const up = await stack.pulumi(["up", "--yes", "--skip-preview", ...bootstrapTargets]);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(await onHost(name, "cat", "/etc/debian_version")).toMatch(/^12\./);
    const ready = `jsonpath={.items[*].status.nodeInfo.kubeletVersion} {.items[*].status.conditions[?(@.type=="Ready")].status}`;
    expect(await onHost(name, "k3s", "kubectl", "get", "nodes", "-o", ready)).toBe("v1.36.3+k3s1 True");
  });

  it("is not changed by a second run", async () => {
    const before = await fingerprint(stack);
    const again = await stack.pulumi([
      "up",
      "--yes",
      "--skip-preview",
      "--expect-no-changes",
      ...bootstrapTargets,
    ]);
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect(await fingerprint(stack)).toEqual(before);
  });
});
