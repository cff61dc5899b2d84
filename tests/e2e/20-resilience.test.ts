import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";

import {
  host,
  kubectl,
  namespace,
  onHost,
  platform,
  platformHost,
  request,
  sql,
  until,
  untilHealthy,
} from "./support.ts";

const remember = async (): Promise<string> => {
  const note = randomUUID();
  expect((await request("/visits", "--json", JSON.stringify({ tenant: "clinic-a", note }))).status).toBe(201);
  return note;
};

const isThere = async (note: string): Promise<boolean> =>
  (await sql(`SELECT count(*) FROM visits WHERE note = '${note}'`)) === "1";

describe("the kubelet", () => {
  it("runs with the platform's own settings", async () => {
    const path = `/api/v1/nodes/${platformHost}/proxy/configz`;
    const { kubeletconfig } = JSON.parse(await kubectl("get", "--raw", path)) as {
      kubeletconfig: Record<string, unknown>;
    };
    expect(kubeletconfig["crashLoopBackOff"]).toEqual({ maxContainerRestartPeriod: "10s" });
  });

  it("starts what keeps ending again after ten seconds, however often", async () => {
    const server = await kubectl("-n", namespace.data, "get", "pod", "postgres-0", "-o", "json");
    const { securityContext, containers, serviceAccountName } = (
      JSON.parse(server) as { spec: Record<string, unknown> & { containers: Record<string, unknown>[] } }
    ).spec;
    const { image, resources, securityContext: hardened } = containers[0] ?? {};
    const pod = {
      securityContext,
      serviceAccountName,
      automountServiceAccountToken: false,
      containers: [{ name: "ending", image, resources, securityContext: hardened, command: ["false"] }],
    };
    await kubectl(
      ...["-n", namespace.data, "run", "ending", `--image=${String(image)}`],
      `--overrides=${JSON.stringify({ apiVersion: "v1", spec: pod })}`,
    );
    try {
      // The fifth time comes after 40 s; with Kubernetes' own pauses it would be 150 s.
      await until("five restarts", 100, async () => {
        const path = "jsonpath={.status.containerStatuses[0].restartCount}";
        const count = await kubectl("-n", namespace.data, "get", "pod", "ending", "-o", path);
        return Number(count) >= 5 ? count : undefined;
      });
    } finally {
      await kubectl("-n", namespace.data, "delete", "pod", "ending", "--now");
    }
  });
});

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
