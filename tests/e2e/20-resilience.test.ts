import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import { host, kubectl, onHost, platform, platformHost, request, sql, untilHealthy } from "./support.ts";

const remember = async (): Promise<string> => {
  const note = randomUUID();
  expect((await request("/visits", "--json", JSON.stringify({ tenant: "clinic-a", note }))).status).toBe(201);
  return note;
};

const isThere = async (note: string): Promise<boolean> =>
  (await sql(`SELECT count(*) FROM visits WHERE note = '${note}'`)) === "1";

describe("the host", () => {
  it("comes back by itself after a reboot, with the data", async () => {
    const note = await remember();
    await onHost(platformHost, "systemctl", "--no-block", "reboot");
    await host("reboot-wait", platformHost); // systemd gives containers that ignore SIGTERM 90 s
    await untilHealthy(300);
    expect(await isThere(note)).toBe(true);
  });

  it("comes back by itself after a power cut, with every acknowledged write", async () => {
    const note = await remember();
    await host("powercut", platformHost);
    await host("start", platformHost);
    await untilHealthy(300);
    expect(await isThere(note)).toBe(true);
    expect(await sql("SHOW data_checksums")).toBe("on");
  });

  it("needs no repair afterwards: the program finds nothing to do", async () => {
    const result = await platform().pulumi(["preview", "--expect-no-changes"]);
    expect(result.code).toBe(0);
  });
});

describe("a k3s configuration", () => {
  const argumentsOfNode = (): Promise<string> => onHost(platformHost, "cat", "/etc/rancher/k3s/config.yaml");

  it("that k3s refuses is rolled back and reported as a failure; the platform keeps serving", async () => {
    const stack = platform();
    const before = await argumentsOfNode();
    await stack.configure({ "platform:cluster": { kubeletArgs: ["max-pods=not-a-number"] } });
    const result = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    await stack.configure();
    expect(result.code).not.toBe(0);
    expect(result.stdout + result.stderr).toMatch(/runs the last good one again/);
    expect(await argumentsOfNode()).toBe(before);
    expect((await untilHealthy(120)).status).toBe(200);
  });

  it("that changed restarts k3s, and the pods live on", async () => {
    const stack = platform();
    const pod = await kubectl(
      "-n",
      "hc-local-data",
      "get",
      "pod",
      "postgres-0",
      "-o",
      "jsonpath={.metadata.uid}",
    );
    const invocation = (): Promise<string> =>
      onHost(platformHost, "systemctl", "show", "-p", "InvocationID", "--value", "k3s");
    const first = await invocation();
    await stack.configure({ "platform:cluster": { kubeletArgs: ["max-pods=90"] } });
    const up = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(await invocation()).not.toBe(first);
    expect(await kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.pods}")).toBe("90");
    expect(
      await kubectl("-n", "hc-local-data", "get", "pod", "postgres-0", "-o", "jsonpath={.metadata.uid}"),
    ).toBe(pod);
    await stack.configure();
    const back = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    expect(back.code, back.stdout + back.stderr).toBe(0);
    expect((await untilHealthy(120)).status).toBe(200);
  });
});
