import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

import { host, repository, RigStack } from "../../rig/stack.ts";

/** The host that carries the whole platform during a run. */
export const platformHost = "e2e";

/** Work directory of the stack on that host. */
export const platformDirectory = join(repository, ".rig", "e2e", "platform");

/** Brings the platform up once, from a bare host; every file of this level works on it. Ends the host afterwards. */
export default async function setup(_project: TestProject): Promise<() => Promise<void>> {
  const keep = process.env["RIG_KEEP"] === "1"; // for work on the tests: an up that finds its host takes seconds
  if (!keep) {
    await host("destroy", platformHost).catch(() => undefined);
    rmSync(platformDirectory, { recursive: true, force: true });
  }
  await host("create", platformHost, "--without-packages").catch((error: unknown) => {
    if (!keep) throw error;
  });
  await host("start", platformHost);

  const stack = new RigStack({ directory: platformDirectory, hostName: platformHost });
  await stack.configure();
  await stack.init();
  const up = await stack.pulumi(["up", "--yes", "--skip-preview"], { echo: "all" });
  if (up.code !== 0) throw new Error("the platform did not come up on a bare host; its output stands above");

  return async () => {
    if (keep) return;
    await host("destroy", platformHost);
    rmSync(platformDirectory, { recursive: true, force: true });
  };
}
