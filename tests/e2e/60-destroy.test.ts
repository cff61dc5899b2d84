import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import { kubectl, onHost, platform, platformHost, request, sql } from "./support.ts";

describe("destroy", () => {
  it("stops at the protected parts, names them, and touches no data", async () => {
    const stack = platform();
    const note = randomUUID();
    expect((await request("/visits", "--json", JSON.stringify({ tenant: "clinic-a", note }))).status).toBe(
      201,
    );
    const claims = await kubectl("get", "persistentvolumeclaims", "-A", "-o", "name");
    const result = await stack.pulumi(["destroy", "--yes", "--skip-preview"]);
    const said = result.stdout + result.stderr;
    expect(result.code).not.toBe(0);
    expect(said).toMatch(/protect/);
    expect(said).toContain("platform-postgres-data");
    expect(await kubectl("get", "persistentvolumeclaims", "-A", "-o", "name")).toBe(claims);
    expect(await sql(`SELECT count(*) FROM visits WHERE note = '${note}'`)).toBe("1");
  });

  it("leaves k3s and the data directory alone: there is no remote delete", async () => {
    expect(await onHost(platformHost, "systemctl", "is-active", "k3s")).toBe("active");
    expect((await onHost(platformHost, "ls", "/srv/hc-local/volumes")).split("\n")).toHaveLength(2);
  });

  it("is undone by the next up", async () => {
    const up = await platform().pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect((await request("/health/api")).status).toBe(200);
  });
});
