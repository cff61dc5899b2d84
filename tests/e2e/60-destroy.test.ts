import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import { kubectl, onHost, platform, platformHost, request, sql } from "./support.ts";

describe("destroy", () => {
  it("stops at the protected parts before anything is deleted, and names them", async () => {
    const stack = platform();
    const note = randomUUID();
    expect((await request("/visits", "--json", JSON.stringify({ tenant: "clinic-a", note }))).status).toBe(
      201,
    );
    const everything = ["get", "pods,services,persistentvolumeclaims,namespaces", "-A", "-o", "name"];
    const before = await kubectl(...everything);
    const result = await stack.pulumi(["destroy", "--yes"]);
    const said = result.stdout + result.stderr;
    expect(result.code).not.toBe(0);
    expect(said).toMatch(
      /platform-postgres-\w+.*cannot be deleted|cannot be deleted.*platform-postgres-\w+/s,
    );
    expect(said).toContain("protect");
    expect(await kubectl(...everything)).toBe(before);
    expect(await sql(`SELECT count(*) FROM visits WHERE note = '${note}'`)).toBe("1");
    expect((await request("/health/api")).status).toBe(200);
  });

  it("leaves k3s and the data directory alone: there is no remote delete", async () => {
    expect(await onHost(platformHost, "systemctl", "is-active", "k3s")).toBe("active");
    const volumes = (await kubectl("get", "persistentvolumes", "-o", "name")).split("\n");
    const folders = (await onHost(platformHost, "ls", "/srv/hc-local/volumes")).split("\n");
    expect(folders.map((folder) => `persistentvolume/${folder.split("_")[0] ?? ""}`).sort()).toEqual(
      volumes.sort(),
    );
    expect(folders.filter((folder) => folder.includes("_hc-local-data_"))).toHaveLength(2); // data and its log
  });

  it("leaves the stack as it was: the next preview finds nothing to do", async () => {
    const preview = await platform().pulumi(["preview", "--expect-no-changes"]);
    expect(preview.code, preview.stdout + preview.stderr).toBe(0);
  });
});
