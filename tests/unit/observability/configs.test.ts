import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  alertmanagerFlags,
  allTargets,
  allowedLabels,
  deadMansSwitchMinutes,
  monitoringFlows,
  nodeExporterFlags,
  prometheusFlags,
  renderAlertmanagerConfig,
  renderPrometheusConfig,
  stateMetricsFlags,
  type MonitoringFlowsArgs,
} from "../../../components/observability/index.ts";
import { scrapeTarget, type ScrapeTarget } from "../../../components/workload/index.ts";

const secure: ScrapeTarget = scrapeTarget(
  {
    layer: "cache",
    workload: "dragonfly",
    selector: { app: "dragonfly" },
    listens: [{ name: "metrics", port: 9999, encrypted: true, carriesPhi: false }],
    calls: [],
  },
  { job: "dragonfly", port: "metrics", serverName: "dragonfly.hc-cache.svc", intervalSeconds: 60 },
);
const flows: MonitoringFlowsArgs = {
  prefix: "hc",
  targets: [secure],
  receivers: { ports: [443, 587], cidrs: [] },
  node: true,
};

describe("prometheus.yaml", () => {
  const config = parse(renderPrometheusConfig({ prefix: "hc", targets: allTargets(flows) })) as {
    alerting: { alert_relabel_configs: unknown; alertmanagers: unknown };
    global: unknown;
    scrape_configs: Record<string, unknown>[];
  };

  it("scrapes every target, monitoring included", () => {
    expect(config.scrape_configs.map((job) => job["job_name"])).toEqual([
      "dragonfly",
      "prometheus",
      "alertmanager",
      "kube-state-metrics",
      "node",
    ]);
  });

  it("finds the pods of one workload in one namespace, and verifies their certificate", () => {
    expect(config.scrape_configs[0]).toEqual({
      job_name: "dragonfly",
      scheme: "https",
      metrics_path: "/metrics",
      scrape_interval: "60s",
      follow_redirects: false,
      tls_config: { ca_file: "/etc/platform/ca/ca.crt", server_name: "dragonfly.hc-cache.svc" },
      kubernetes_sd_configs: [
        {
          role: "pod",
          namespaces: { names: ["hc-cache"] },
          selectors: [{ role: "pod", label: "app=dragonfly" }],
        },
      ],
      relabel_configs: [
        { source_labels: ["__meta_kubernetes_pod_phase"], regex: "Running", action: "keep" },
        {
          source_labels: ["__meta_kubernetes_pod_ip"],
          regex: "(.+)",
          target_label: "__address__",
          replacement: "$1:9999",
        },
        { source_labels: ["__meta_kubernetes_pod_name"], target_label: "instance" },
      ],
    });
    expect(JSON.stringify(config)).not.toContain("insecure_skip_verify");
  });

  it("lets only labels on the list leave, and says which stack speaks", () => {
    expect(config.alerting.alert_relabel_configs).toEqual([
      { action: "labelkeep", regex: `${allowedLabels.join("|")}|stack` },
    ]);
    expect(config.global).toMatchObject({ external_labels: { stack: "hc" } });
    expect(config.alerting.alertmanagers).toEqual([
      { api_version: "v2", static_configs: [{ targets: ["alertmanager.hc-monitoring.svc:9093"] }] },
    ]);
  });

  it("refuses two jobs of one name", () => {
    expect(() => renderPrometheusConfig({ prefix: "hc", targets: [secure, secure] })).toThrow(
      'two workloads have the job "dragonfly"',
    );
  });
});

interface Route {
  readonly receiver: string;
  readonly matchers: readonly string[];
  readonly repeat_interval?: string;
}

describe("alertmanager.yaml", () => {
  const render = (over: Partial<Parameters<typeof renderAlertmanagerConfig>[0]> = {}) =>
    parse(
      renderAlertmanagerConfig({
        receiver: { kind: "webhook" },
        deadMansSwitch: true,
        privateReceivers: false,
        ...over,
      }),
    ) as {
      global: unknown;
      receivers: { name: string; webhook_configs?: Record<string, unknown>[]; email_configs?: unknown[] }[];
      route: { receiver: string; routes: Route[] };
    };

  it("takes the webhook's URL from a file", () => {
    const people = render().receivers.find(({ name }) => name === "people");
    expect(people?.webhook_configs).toEqual([
      {
        url_file: "/run/platform/receivers/webhook-url",
        send_resolved: true,
        max_alerts: 50,
        http_config: { follow_redirects: false },
      },
    ]);
  });

  it("takes the mail server's password from a file, and encrypts", () => {
    const smtp = {
      kind: "smtp",
      host: "mail.example.com",
      from: "a@example.com",
      to: "b@example.com",
    } as const;
    const config = render({ receiver: { ...smtp, port: 587, username: "alerts" } });
    expect(config.global).toEqual({
      resolve_timeout: "5m",
      smtp_smarthost: "mail.example.com:587",
      smtp_from: "a@example.com",
      smtp_auth_username: "alerts",
      smtp_auth_password_file: "/run/platform/receivers/smtp-password",
      smtp_require_tls: true,
    });
    expect(config.receivers.find(({ name }) => name === "people")?.email_configs).toHaveLength(1);
    // TLS from the first byte: nothing to upgrade.
    expect(render({ receiver: { ...smtp, port: 465, username: "alerts" } }).global).toMatchObject({
      smtp_require_tls: false,
    });
  });

  it("reports to the outside every five minutes, and to nobody else", () => {
    const watchdog = render().route.routes[0];
    expect(watchdog).toMatchObject({
      matchers: ['alertname="Watchdog"'],
      receiver: "dead-mans-switch",
      repeat_interval: `${String(deadMansSwitchMinutes)}m`,
    });
    expect(render({ deadMansSwitch: false }).route.routes[0]?.receiver).toBe("nobody");
    expect(render({ deadMansSwitch: false }).receivers.map(({ name }) => name)).toEqual([
      "people",
      "test",
      "nobody",
    ]);
  });

  it("verifies private receivers against the internal CA", () => {
    const config = render({ privateReceivers: true });
    expect(config.receivers.flatMap((r) => (r.webhook_configs ?? []).map((w) => w["http_config"]))).toEqual(
      Array(3).fill({ follow_redirects: false, tls_config: { ca_file: "/etc/platform/ca/ca.crt" } }),
    );
  });

  it("sends everything that is not the watchdog to people", () => {
    const { route } = render();
    expect(route.receiver).toBe("people");
    expect(new Set(route.routes.map(({ receiver }) => receiver))).toEqual(
      new Set(["dead-mans-switch", "test", "people"]),
    );
  });
});

describe("flags", () => {
  it("keep metrics for as long and as big as config says, with a fifth of the volume free", () => {
    expect(prometheusFlags({ retentionDays: 15, storageGiB: 10 })).toEqual([
      "--config.file=/etc/prometheus/prometheus.yaml",
      "--storage.tsdb.path=/prometheus",
      "--storage.tsdb.retention.time=15d",
      "--storage.tsdb.retention.size=8192MB",
      "--web.listen-address=:9090",
      "--enable-feature=auto-reload-config",
      "--config.auto-reload-interval=15s",
    ]);
  });

  it("of Alertmanager make no cluster", () => {
    expect(alertmanagerFlags).toContain("--cluster.listen-address=");
  });

  it("of kube-state-metrics name namespaces and kinds, never Secrets", () => {
    expect(
      stateMetricsFlags({ prefix: "hc", watched: { data: "hc-data", app: "hc-app" }, nodes: false }),
    ).toEqual([
      "--port=8080",
      "--telemetry-port=8081",
      "--resources=cronjobs,daemonsets,deployments,jobs,persistentvolumeclaims,pods,statefulsets",
      "--namespaces=hc-data,hc-app",
    ]);
    expect(stateMetricsFlags({ prefix: "hc", watched: {}, nodes: true })[2]).toContain(",nodes,");
  });

  it("of node-exporter leave out what is no disk", () => {
    const pattern = (name: string): RegExp =>
      new RegExp(
        nodeExporterFlags.find((flag) => flag.startsWith(`--collector.filesystem.${name}=`))?.split("=")[1] ??
          "^$",
      );
    const mounts = pattern("mount-points-exclude");
    expect(["/", "/srv/k3s-data", "/var", "/boot"].filter((path) => mounts.test(path))).toEqual([]);
    expect(
      ["/var/lib/kubelet/pods/x/volumes/y", "/run/user/0", "/proc"].every((path) => mounts.test(path)),
    ).toBe(true);
    expect(["ext4", "xfs", "btrfs"].filter((type) => pattern("fs-types-exclude").test(type))).toEqual([]);
    expect(pattern("fs-types-exclude").test("tmpfs")).toBe(true);
  });
});

describe("flows", () => {
  const calls = (args: MonitoringFlowsArgs, workload: string) =>
    monitoringFlows(args).find((flow) => flow.workload === workload)?.calls;

  it("let Prometheus call what it scrapes", () => {
    expect(calls(flows, "prometheus")).toEqual([
      { service: "dns" },
      { service: "kubernetes-api" },
      { workload: "cache/dragonfly", port: "metrics" },
      { workload: "monitoring/alertmanager", port: "http" },
      { workload: "monitoring/kube-state-metrics", port: "metrics" },
      { workload: "node/node-exporter", port: "metrics" },
    ]);
  });

  it("let alerts go to the Internet, or to the networks of private receivers only", () => {
    expect(calls(flows, "alertmanager")).toEqual([{ service: "dns" }, { internetPorts: [443, 587] }]);
    const receivers = { ports: [443], cidrs: ["10.9.0.1/32"] };
    expect(calls({ ...flows, receivers }, "alertmanager")).toEqual([
      { service: "dns" },
      { addresses: { cidrs: ["10.9.0.1/32"], port: 443 } },
    ]);
  });

  it("watch the machine only where it is the stack's own", () => {
    const without = { ...flows, node: false };
    expect(monitoringFlows(without).map(({ layer }) => layer)).not.toContain("node");
    expect(allTargets(without).map(({ job }) => job)).not.toContain("node");
  });
});
