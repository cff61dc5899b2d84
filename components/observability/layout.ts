import { labels, type Labels } from "../workload/index.ts";

/** Fixed facts of monitoring; paths are those of the public images. */
export const monitoringLayout = {
  /** `nobody`, in all of these images. */
  uid: 65534,
  prometheus: {
    port: 9090,
    configDirectory: "/etc/prometheus",
    dataDirectory: "/prometheus",
    /** The internal CA, against which scrapes over TLS are verified. */
    authorityDirectory: "/etc/platform/ca",
  },
  alertmanager: {
    port: 9093,
    configDirectory: "/etc/alertmanager",
    dataDirectory: "/alertmanager",
    /** URLs and passwords, read again at every notification. */
    secretDirectory: "/run/platform/receivers",
    authorityDirectory: "/etc/platform/ca",
  },
  kubeStateMetrics: { port: 8080, telemetryPort: 8081 },
  nodeExporter: { port: 9100, procDirectory: "/host/proc", rootDirectory: "/host/root" },
} as const;

export type MonitoringPart = "prometheus" | "alertmanager" | "kube-state-metrics" | "node-exporter";

export const monitoringLabels = (prefix: string, part: MonitoringPart): Labels =>
  labels({ prefix, app: part, component: "monitoring" });
