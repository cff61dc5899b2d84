import { stringify } from "yaml";
import { prefixed, serviceHost, type ScrapeTarget } from "../workload/index.ts";
import { monitoringLayout } from "./layout.ts";
import { allowedLabels } from "./rules/index.ts";

export interface PrometheusConfigArgs {
  readonly prefix: string;
  readonly targets: readonly ScrapeTarget[];
}

/** Tells the stacks apart at a receiver that serves more than one. */
const stackLabel = "stack";

/**
 * `prometheus.yaml`: one scrape job per target, pods found by their labels in the target's own namespace.
 * @throws Error when two targets have one job name: their series would be mixed up.
 */
export const renderPrometheusConfig = ({ prefix, targets }: PrometheusConfigArgs): string => {
  const jobs = targets.map(({ job }) => job);
  const double = jobs.find((job, i) => jobs.indexOf(job) !== i);
  if (double !== undefined)
    throw new Error(`metrics: two workloads have the job "${double}"; give each a name of its own`);
  const { alertmanager, prometheus } = monitoringLayout;
  const receiver = `${serviceHost("alertmanager", prefixed(prefix, "monitoring"))}:${String(alertmanager.port)}`;
  return stringify(
    {
      global: {
        scrape_interval: "30s",
        scrape_timeout: "10s",
        evaluation_interval: "15s",
        external_labels: { [stackLabel]: prefix },
      },
      rule_files: [`${prometheus.configDirectory}/rules.yaml`],
      alerting: {
        // Whatever a rule or an exporter adds: nothing else leaves in a label.
        alert_relabel_configs: [{ action: "labelkeep", regex: [...allowedLabels, stackLabel].join("|") }],
        alertmanagers: [{ api_version: "v2", static_configs: [{ targets: [receiver] }] }],
      },
      scrape_configs: targets.map((target) => scrapeConfig(prefix, target)),
    },
    { lineWidth: 0 },
  );
};

const scrapeConfig = (prefix: string, target: ScrapeTarget): Record<string, unknown> => ({
  job_name: target.job,
  scheme: target.scheme,
  metrics_path: target.path,
  scrape_interval: `${String(target.intervalSeconds)}s`,
  // A target must not send the scraper elsewhere.
  follow_redirects: false,
  ...(target.serverName === undefined
    ? {}
    : {
        tls_config: {
          ca_file: `${monitoringLayout.prometheus.authorityDirectory}/ca.crt`,
          server_name: target.serverName,
        },
      }),
  kubernetes_sd_configs: [
    {
      role: "pod",
      namespaces: { names: [prefixed(prefix, target.layer)] },
      selectors: [{ role: "pod", label: selectorText(target.selector) }],
    },
  ],
  relabel_configs: relabelling(target.port),
});

const selectorText = (selector: Readonly<Record<string, string>>): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** Discovery finds one target per declared port; all of a pod's become the one that serves metrics. */
const relabelling = (port: number): readonly Record<string, unknown>[] => [
  { source_labels: ["__meta_kubernetes_pod_phase"], regex: "Running", action: "keep" },
  {
    source_labels: ["__meta_kubernetes_pod_ip"],
    regex: "(.+)",
    target_label: "__address__",
    replacement: `$1:${String(port)}`,
  },
  { source_labels: ["__meta_kubernetes_pod_name"], target_label: "instance" },
];
