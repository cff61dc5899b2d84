import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { allowedLabels } from "../../components/observability/index.ts";
import { receiver } from "../../rig/services.ts";
import { repository, type Result } from "../../rig/stack.ts";
import { kubectl, platform, platformHost, until } from "./support.ts";

/** Monitoring from end to end: real metrics, real rules, and a receiver outside of the cluster. */

const data = "hc-local-data";
const monitoring = "hc-local-monitoring";

/** A look into Prometheus or Alertmanager through the API server. */
const look = async (service: string, path: string): Promise<unknown> =>
  JSON.parse(
    await kubectl("get", "--raw", `/api/v1/namespaces/${monitoring}/services/${service}:http/proxy${path}`),
  );

interface Targets {
  readonly data: {
    readonly activeTargets: readonly {
      readonly labels: { readonly job: string; readonly instance: string };
      readonly health: string;
      readonly lastError: string;
    }[];
  };
}
interface Rules {
  readonly data: {
    readonly groups: readonly {
      readonly name: string;
      readonly rules: readonly {
        readonly name: string;
        readonly health: string;
        readonly lastError?: string;
        readonly state: string;
      }[];
    }[];
  };
}
const rules = async (): Promise<Rules["data"]["groups"][number]["rules"]> =>
  ((await look("prometheus", "/api/v1/rules")) as Rules).data.groups.flatMap((group) => group.rules);

interface Notification {
  readonly status: "firing" | "resolved";
  readonly alerts: readonly {
    readonly status: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}
interface Entry {
  readonly to: string;
  readonly refused?: string;
  readonly body: Notification;
}

/** What the receiver has taken under that name since it forgot. */
const received = async (to: "alerts" | "switch"): Promise<readonly Notification[]> => {
  const lines = (await receiver(["received", platformHost])).split("\n").filter((l) => l !== "");
  return lines
    .map((line) => JSON.parse(line) as Entry)
    .filter((entry) => entry.to === to && entry.refused === undefined)
    .map((entry) => entry.body);
};
const notified = async (alertname: string, status: string): Promise<Notification | undefined> =>
  (await received("alerts")).find((n) =>
    n.alerts.some((a) => a.labels["alertname"] === alertname && a.status === status),
  );

const uidOf = (app: string): Promise<string> =>
  kubectl(
    ...["-n", monitoring, "get", "pods", "-l", `app.kubernetes.io/name=${app}`],
    ...["-o", "jsonpath={.items[0].metadata.uid}"],
  );

describe("metrics", () => {
  it("come from every part of the platform", async () => {
    const targets = await until("every target to be up", 180, async () => {
      const { activeTargets } = ((await look("prometheus", "/api/v1/targets?state=active")) as Targets).data;
      const down = activeTargets.filter(({ health }) => health !== "up");
      if (down.length > 0)
        throw new Error(down.map((t) => `${t.labels.job} ${t.health} ${t.lastError}`).join("; "));
      return activeTargets.length >= 7 ? activeTargets : undefined;
    });
    const jobs = new Set(targets.map(({ labels }) => labels.job));
    expect([...jobs].toSorted()).toEqual([
      "alertmanager",
      "dragonfly",
      "kube-state-metrics",
      "node",
      "pgbouncer",
      "postgres",
      "prometheus",
      "redis-queue",
      "redis-signalling",
      "restore-drill",
    ]);
    // Both replicas, by the names of their pods.
    expect(targets.filter(({ labels }) => labels.job === "pgbouncer")).toHaveLength(2);
  });

  it("answer every question that the alerts ask", async () => {
    const evaluated = await until("every rule to be evaluated", 120, async () => {
      const all = await rules();
      return all.every(({ health }) => health === "ok") ? all : undefined;
    });
    expect(evaluated.filter(({ lastError }) => lastError !== undefined && lastError !== "")).toEqual([]);
    // Not the clock's offset: the rig's host may not ask its kernel for it.
    const asked = [
      "platform_heartbeat_age_seconds",
      "platform_archiver_failed_total",
      "platform_wal_bytes",
      "platform_xid_age",
      "pgbouncer_pools_client_waiting_connections",
      "redis_memory_used_bytes",
      "redis_aof_last_write_status",
      "dragonfly_evicted_keys_total",
      "kube_pod_status_scheduled",
      "kube_cronjob_created",
      "kube_node_status_condition",
      "node_textfile_scrape_error",
      "node_filesystem_avail_bytes",
    ];
    // One after the other: sshd drops connections when more than ten are not yet logged in.
    const missing: string[] = [];
    for (const metric of asked) {
      const answer = (await look("prometheus", `/api/v1/query?query=count(${metric})`)) as {
        data: { result: unknown[] };
      };
      if (answer.data.result.length === 0) missing.push(metric);
    }
    expect(missing).toEqual([]);
  });

  it("hold no query text", async () => {
    const names = (await look("prometheus", "/api/v1/label/__name__/values")) as { data: string[] };
    expect(names.data.length).toBeGreaterThan(100);
    expect(names.data.filter((name) => name.includes("stat_statements"))).toEqual([]);
    const labels = (await look("prometheus", "/api/v1/labels")) as { data: string[] };
    expect(
      labels.data.filter((name) => ["query", "queryid", "relname", "client_addr"].includes(name)),
    ).toEqual([]);
  });
});

/** `npm run alert:test` on the platform. */
const alertTest = (seconds: number): Promise<Result> => {
  const stack = platform();
  return stack.inEnvironment([
    ...["node", join(repository, "scripts/alert-test.ts"), stack.stack],
    ...["--config-file", stack.configFile, "--timeout", String(seconds)],
  ]);
};

describe("alerts", () => {
  it("keep the outside watchdog quiet", async () => {
    // Every five minutes, so one may have come long before this file began.
    const first = await until(
      "the dead-man's switch to hear from us",
      420,
      async () => (await received("switch"))[0],
    );
    expect(first.alerts.map(({ labels }) => labels["alertname"])).toEqual(["Watchdog"]);
  });

  it("can be tested", async () => {
    await receiver(["forget", platformHost]);
    const test = await alertTest(60);
    expect(test.stdout + test.stderr).toMatch(/accepted: the receiver took the test alert after \d+ s/);
    expect(test.code).toBe(0);
    expect((await notified("PlatformTestAlert", "firing"))?.status).toBe("firing");
  });

  it("that the receiver refuses are reported by the test", async () => {
    await receiver(["answer", platformHost, "403"]);
    try {
      const test = await alertTest(60);
      expect(test.stdout + test.stderr).toMatch(/the receiver does not take alerts \(clientError\)/);
      expect(test.code).toBe(1);
    } finally {
      await receiver(["answer", platformHost, "200"]);
    }
  });

  it("that reach nobody are reported by the test", async () => {
    await receiver(["block", platformHost]);
    try {
      const test = await alertTest(15);
      expect(test.stdout + test.stderr).toMatch(
        /no receiver took the test alert within 15 s \(\d+ attempts\)/,
      );
      expect(test.code).toBe(1);
    } finally {
      await receiver(["unblock", platformHost]);
    }
  });

  it.concurrent("tell people that the database is gone, and end when it is back", async () => {
    await kubectl("-n", data, "scale", "statefulset", "postgres", "--replicas=0");
    try {
      const firing = await until("PostgresDown at the receiver", 300, () =>
        notified("PostgresDown", "firing"),
      );
      const labels = firing.alerts.flatMap((alert) => Object.keys(alert.labels));
      const allowed: readonly string[] = [...allowedLabels, "stack"];
      expect(labels.filter((label) => !allowed.includes(label))).toEqual([]);
      expect(firing.alerts[0]?.labels).toMatchObject({ severity: "critical", stack: "hc-local" });
      expect(firing.alerts[0]?.annotations["runbook_url"]).toBe("docs/runbooks/alerts.md#postgresdown");
    } finally {
      await kubectl("-n", data, "scale", "statefulset", "postgres", "--replicas=1");
    }
    await kubectl("-n", data, "wait", "--for=condition=Ready", "pod/postgres-0", "--timeout=180s");
    await until("the end of PostgresDown", 180, async () =>
      (await rules()).some(({ name, state }) => name === "PostgresDown" && state === "inactive")
        ? true
        : undefined,
    );
  });

  it.concurrent("follow a changed rule without a restart", async () => {
    const before = await uidOf("prometheus");
    const config = JSON.parse(
      await kubectl("-n", monitoring, "get", "configmap", "prometheus-config", "-o", "json"),
    ) as { data: Record<string, string> };
    const original = config.data["rules.yaml"] ?? "";
    const patch = (text: string): Promise<string> =>
      kubectl(
        ...["-n", monitoring, "patch", "configmap", "prometheus-config", "--type=merge"],
        ...["-p", JSON.stringify({ data: { "rules.yaml": text } })],
      );
    await patch(original.replace("alert: Watchdog", "alert: WatchdogRenamed"));
    try {
      await until("the new rule", 180, async () =>
        (await rules()).some(({ name }) => name === "WatchdogRenamed") ? true : undefined,
      );
    } finally {
      await patch(original);
    }
    expect(await uidOf("prometheus")).toBe(before);
  });
});
