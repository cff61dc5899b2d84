export * from "./Alertmanager.ts";
export {
  deadMansSwitchMinutes,
  receiverFiles,
  receivers,
  renderAlertmanagerConfig,
  testAlertName,
  type AlertmanagerConfigArgs,
  type Receiver,
} from "./alertmanagerConfig.ts";
export { alertmanagerFlags } from "./alertmanagerPod.ts";
export * from "./flows.ts";
export * from "./KubeStateMetrics.ts";
export * from "./layout.ts";
export * from "./NodeExporter.ts";
export type { MonitoringPartArgs, Watched } from "./place.ts";
export * from "./Prometheus.ts";
export { renderPrometheusConfig } from "./prometheusConfig.ts";
export { prometheusFlags } from "./prometheusPod.ts";
export * from "./rules/index.ts";
