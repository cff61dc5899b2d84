import { afterAll, describe, expect, it } from "vitest";

import { artifacts } from "../../rig/stack.ts";
import { kubectl, namespace, platform, request, sql } from "./support.ts";

const jobs = async (): Promise<string[]> =>
  (await kubectl("-n", namespace.app, "get", "jobs", "-o", "jsonpath={.items[*].metadata.uid}"))
    .split(" ")
    .filter(Boolean);

const version = async (): Promise<unknown> =>
  (JSON.parse((await request("/health/api")).body) as { version: unknown }).version;

// The files after this one find the stack as its configuration says.
afterAll(async () => {
  const stack = platform();
  await stack.configure();
  const back = await stack.pulumi(["up", "--yes", "--skip-preview"]);
  if (back.code !== 0)
    throw new Error(`going back to the first version failed: ${back.stdout}${back.stderr}`);
});

describe("the migration", () => {
  it("does not run again when nothing about it changed", async () => {
    const before = await jobs();
    expect(before).toHaveLength(1);
    const up = await platform().pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.code, up.stderr).toBe(0);
    expect(await jobs()).toEqual(before);
  });

  it("that fails leaves the old version serving, and says why", async () => {
    const stack = platform();
    const { images } = await artifacts();
    const old = await version();
    await stack.configure({ "platform:images": { app: images["appBroken"] } });
    const up = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.code).not.toBe(0);
    expect(up.stdout + up.stderr).toMatch(/migration/);
    expect(await version()).toBe(old);
    expect((await request("/health/api")).status).toBe(200);
  });

  it("of a new version runs once, before the new API", async () => {
    const stack = platform();
    const { images } = await artifacts();
    await stack.configure({ "platform:images": { app: images["appNext"] } });
    const up = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(await version()).toBe("1.1.0");
    expect(
      await sql(
        "SELECT count(*) FROM information_schema.columns WHERE table_name = 'visits' AND column_name = 'channel'",
      ),
    ).toBe("1");
  });
});
