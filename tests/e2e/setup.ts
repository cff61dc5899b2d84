import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

import { receiver, store } from "../../rig/services.ts";
import { host, repository, RigStack } from "../../rig/stack.ts";

/**
 * The host that carries the whole platform during a run, and the name of the object store and the receiver of alerts
 * outside of its cluster. For work on the tests beside another run it can be named (RIG_E2E_NAME, up to 8 characters).
 */
export const platformHost = process.env["RIG_E2E_NAME"] ?? "e2e";

/** Work directory of the stack on that host. */
export const platformDirectory = join(repository, ".rig", platformHost, "platform");

/** The stack on that host, with backups and monitoring. */
export const platformStack = (): RigStack =>
  new RigStack({
    directory: platformDirectory,
    hostName: platformHost,
    store: platformHost,
    receiver: platformHost,
  });

/** Brings the platform up once, from a bare host; every file of this level works on it. Ends the host afterwards. */
export default async function setup(_project: TestProject): Promise<() => Promise<void>> {
  const keep = process.env["RIG_KEEP"] === "1"; // for work on the tests: an up that finds its host takes seconds
  if (!keep) {
    await removeAll().catch(() => undefined);
    rmSync(platformDirectory, { recursive: true, force: true });
  }
  await host("create", platformHost, "--without-packages").catch((error: unknown) => {
    if (!keep) throw error;
  });
  await host("start", platformHost);

  const stack = platformStack();
  await stack.configure();
  await stack.init();
  const up = await stack.pulumi(["up", "--yes", "--skip-preview"], { echo: "all" });
  if (up.code !== 0) throw new Error("the platform did not come up on a bare host; its output stands above");

  return async () => {
    if (keep) return;
    await removeAll();
    rmSync(platformDirectory, { recursive: true, force: true });
  };
}

const removeAll = async (): Promise<void> => {
  await host("destroy", platformHost);
  await store(["destroy", platformHost]);
  await receiver(["destroy", platformHost]);
};
