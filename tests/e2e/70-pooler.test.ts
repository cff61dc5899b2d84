import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AppendLoad } from "./load/append.ts";
import type { Errors } from "./load/client.ts";
import { RequestLoad } from "./load/requests.ts";
import {
  inPod,
  killPods,
  kubectl,
  namespace,
  onHost,
  platform,
  platformHost,
  servingPod,
  servingPods,
  succeeded,
  until,
  untilHealthy,
} from "./support.ts";

const pods = (): Promise<readonly string[]> => servingPods(namespace.data, "pgbouncer");
const untilBoth = (): Promise<readonly string[]> =>
  until("two pods of PgBouncer", 120, async () => {
    const names = await pods();
    return names.length === 2 ? names : undefined;
  });

/** Rows of a SHOW command by their columns, as PgBouncer's own user in its own pod: nobody else may administer it. */
const show = async (pod: string, what: string): Promise<readonly Readonly<Record<string, string>>[]> => {
  const [header = "", ...rows] = (
    await inPod(
      namespace.data,
      pod,
      "pgbouncer",
      ...["psql", "-X", "-A", "-P", "footer=off", "-h", "/run/pgbouncer", "-p", "6432", "-U", "pgbouncer"],
      ...["-d", "pgbouncer", "-c", `SHOW ${what}`],
    )
  ).split("\n");
  const names = header.split("|");
  return rows.map((row) => Object.fromEntries(row.split("|").map((value, i) => [names[i] ?? "", value])));
};

const up = async (): Promise<void> => {
  succeeded(await platform().pulumi(["up", "--yes", "--skip-preview"]));
};

/** Of the serving pods of that name in the application's namespace. */
const addressesOf = async (app: string): Promise<readonly string[]> => {
  const names = await servingPods(namespace.app, app);
  return await Promise.all(
    names.map((name) => kubectl("-n", namespace.app, "get", "pod", name, "-o", "jsonpath={.status.podIP}")),
  );
};

const total = (errors: Errors): number => Object.values(errors).reduce((sum, count) => sum + count, 0);

// One load for all that is done to the pooler: what it was told is compared with what is there at the end.
const writers = 20;
let load: AppendLoad;

/** Does something to the pooler under the load. @returns how many transactions it cut off, once every writer is served again */
const brokenBy = async (disturb: () => Promise<unknown>): Promise<number> => {
  const before = await load.status();
  await disturb();
  const after = await load.answered(Date.now(), 60);
  return total(after.broken) - total(before.broken);
};

beforeAll(async () => {
  await untilHealthy(120);
  await untilBoth();
  load = await AppendLoad.start({ writers, pauseMs: 10 });
});

// The files after this one find the stack as its configuration says.
afterAll(async () => {
  await load.remove();
  await platform().configure();
  await up();
});

describe("the pooler under load", () => {
  it("speaks TLS with the database too, and holds no more connections than its share", async () => {
    for (const pod of await pods()) {
      const config = new Map((await show(pod, "CONFIG")).map((row) => [row["key"], row["value"]]));
      const servers = await show(pod, "SERVERS");
      expect(servers.length).toBeGreaterThan(0);
      expect(servers.length).toBeLessThanOrEqual(Number(config.get("max_db_connections")));
      expect(servers.filter((server) => !server["tls"]?.includes("_GCM_"))).toEqual([]);
      const ofApplication = (await show(pod, "POOLS")).filter((row) => row["user"]?.startsWith("app_"));
      expect(new Set(ofApplication.map((pool) => pool["pool_mode"]))).toEqual(new Set(["transaction"]));
    }
  });

  it("keeps prepared statements across connections", async () => {
    const rows = (await Promise.all((await pods()).map((pod) => show(pod, "STATS")))).flat();
    const sum = (column: string): number =>
      rows
        .filter((row) => row["database"] === "userdb")
        .reduce((counted, row) => counted + Number(row[column]), 0);
    // Each writer prepared two once; they then ran on whichever connection was free.
    expect(sum("total_client_parse_count")).toBeGreaterThanOrEqual(2 * writers);
    expect(sum("total_bind_count")).toBeGreaterThan(2 * sum("total_server_parse_count"));
  });

  it("takes over a new certificate without a restart and without a failed transaction", async () => {
    const serial = async (pod: string): Promise<string> => {
      const json = ["get", "pod", pod, "-o", "jsonpath={.status.podIP}"];
      const address = await kubectl("-n", namespace.data, ...json);
      const script = `
        const socket = require("net").connect(6432, process.argv[1]);
        socket.once("connect", () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
        socket.once("data", () => {
          const tls = require("tls").connect({ socket, servername: process.argv[2], ca: require("fs").readFileSync("/etc/platform/ca/ca.crt") });
          tls.on("secureConnect", () => { console.log(tls.getPeerCertificate().serialNumber); process.exit(); });
        });`;
      const api = await servingPod(namespace.app, "api");
      const name = `pgbouncer.${namespace.data}.svc`;
      return await inPod(namespace.app, api, "api", "node", "-e", script, address, name);
    };
    const before = await pods();
    const old = await Promise.all(before.map(serial));
    const broken = await brokenBy(async () => {
      const key = ["--replace", "**::platform-pgbouncer-tls-key"];
      succeeded(await platform().pulumi(["up", "--yes", "--skip-preview", ...key]));
      // kubelet looks at mounted Secrets about once a minute.
      await until("both processes to serve the new certificate", 180, async () => {
        const served = await Promise.all(before.map(serial));
        return served.every((number) => !old.includes(number)) ? true : undefined;
      });
    });
    expect(broken).toBe(0);
    expect([...(await pods())].sort()).toEqual([...before].sort());
  });

  it("is rolled while the application changes its password and login: no transaction fails, no user sees an error", async () => {
    const logins = async (): Promise<readonly (string | undefined)[]> => {
      const clients = (await Promise.all((await untilBoth()).map((pod) => show(pod, "CLIENTS")))).flat();
      const ofApi = await addressesOf("api");
      return clients.filter((row) => ofApi.includes(row["addr"] ?? "")).map((row) => row["user"]);
    };
    expect(new Set(await logins())).toEqual(new Set(["app_a"]));
    const before = await pods();
    const users = await RequestLoad.start(5);
    const broken = await brokenBy(async () => {
      await platform().setSecret("postgresAppPasswordB", "another-password-of-app-b-0123456789");
      await platform().configure({
        "platform:data": { pgbouncer: { rotation: 1 }, postgres: { activeAppUser: "b" } },
      });
      await up();
      await until("the old pods to be gone", 120, async () => {
        const names = await kubectl("-n", namespace.data, "get", "pods", "-o", "name");
        return before.some((pod) => names.includes(pod)) ? undefined : true;
      });
    });
    expect(broken).toBe(0);
    const seen = await users.stop();
    expect(seen.failures).toEqual({});
    expect(seen.ok).toBeGreaterThan(100);
    expect(seen.rows).toBe(seen.ok);
    expect(new Set(await logins())).toEqual(new Set(["app_b"]));
  });

  it("may lose one process: every client is served again within 30 s", async () => {
    const [pod = ""] = await untilBoth();
    const uid = await kubectl("-n", namespace.data, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}");
    const ofPod = `for p in $(pgrep -x pgbouncer); do grep -q '${uid}' /proc/$p/cgroup && echo $p; done`;
    const processes = (await onHost(platformHost, "bash", "-c", `${ofPod} || true`)).split("\n");
    expect(processes).toHaveLength(1);
    await onHost(platformHost, "kill", "-KILL", ...processes);
    await load.answered(Date.now(), 30);
    await untilBoth();
  });

  it("may lose both: the same, also for users of the API", async () => {
    const users = await RequestLoad.start(5);
    const before = await untilBoth();
    const began = Date.now();
    await killPods(namespace.data, ...before);
    await load.answered(Date.now(), 30 - (Date.now() - began) / 1000);
    const served = users.served;
    await until("users to be served", 30, () => Promise.resolve(users.served > served + 20 || undefined));
    expect((await untilBoth()).filter((pod) => before.includes(pod))).toEqual([]);
    const seen = await users.stop();
    // The API tries again for 15 s, and never what may have happened; the rows say what became of that.
    expect(Object.keys(seen.failures).filter((error) => !error.startsWith("500 "))).toEqual([]);
    expect(seen.rows).toBeGreaterThanOrEqual(seen.ok);
    expect(seen.distinctRows).toBe(seen.rows);
    expect(seen.longestMs).toBeLessThan(30_000);
  });

  it("lost no acknowledged write in all of this, and made none twice", async () => {
    const report = await load.stop();
    console.log(
      `pooler: ${String(report.acknowledged)} writes acknowledged, longest wait ${String(report.longestGapMs)} ms; ` +
        `between transactions ${JSON.stringify(report.refused)}; cut off ${JSON.stringify(report.broken)}`,
    );
    expect(report).toMatchObject({ lost: [], twice: [], torn: [], unasked: [] });
    expect(report.longestGapMs).toBeLessThan(30_000);
  });
});
