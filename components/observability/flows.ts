import {
  scrapeTarget,
  type Call,
  type FlowDeclaration,
  type Listen,
  type ScrapeTarget,
} from "../workload/index.ts";
import { monitoringLabels, monitoringLayout, type MonitoringPart } from "./layout.ts";

/** Where alerts go, as far as the network is concerned. */
export interface ReceiverRoutes {
  /** Ports of receiver and dead-man's switch, e.g. 443. */
  readonly ports: readonly number[];
  /** Networks when these have private addresses; empty: the Internet. */
  readonly cidrs: readonly string[];
}

export interface MonitoringFlowsArgs {
  readonly prefix: string;
  /** What other layers serve. */
  readonly targets: readonly ScrapeTarget[];
  readonly receivers: ReceiverRoutes;
  /** This stack owns the machine, and watches it. */
  readonly node: boolean;
}

const plain = (name: string, port: number): Listen => ({ name, port, encrypted: false, carriesPhi: false });

const declare = (
  prefix: string,
  part: MonitoringPart,
  listens: readonly Listen[],
  calls: readonly Call[],
): FlowDeclaration => ({
  layer: part === "node-exporter" ? "node" : "monitoring",
  workload: part,
  selector: monitoringLabels(prefix, part).selector,
  listens,
  calls,
});

const layout = monitoringLayout;

const alertmanagerFlow = (prefix: string, { ports, cidrs }: ReceiverRoutes): FlowDeclaration =>
  declare(
    prefix,
    "alertmanager",
    [plain("http", layout.alertmanager.port)],
    [
      { service: "dns" },
      ...(cidrs.length === 0
        ? [{ internetPorts: ports }]
        : ports.map((port): Call => ({ addresses: { cidrs, port } }))),
    ],
  );

const stateMetricsFlow = (prefix: string): FlowDeclaration =>
  declare(
    prefix,
    "kube-state-metrics",
    [plain("metrics", layout.kubeStateMetrics.port)],
    [{ service: "kubernetes-api" }],
  );

const nodeExporterFlow = (prefix: string): FlowDeclaration =>
  declare(prefix, "node-exporter", [plain("metrics", layout.nodeExporter.port)], []);

const prometheusFlow = (prefix: string, targets: readonly ScrapeTarget[]): FlowDeclaration =>
  declare(
    prefix,
    "prometheus",
    [plain("http", layout.prometheus.port)],
    [
      { service: "dns" },
      { service: "kubernetes-api" },
      // Itself it scrapes on its own address.
      ...targets
        .filter(({ workload }) => workload !== "monitoring/prometheus")
        .map(({ workload, portName }): Call => ({ workload, port: portName })),
    ],
  );

/** What monitoring scrapes of itself. */
const ownTargets = ({ prefix, receivers, node }: MonitoringFlowsArgs): readonly ScrapeTarget[] => [
  scrapeTarget(prometheusFlow(prefix, []), { job: "prometheus", port: "http" }),
  scrapeTarget(alertmanagerFlow(prefix, receivers), { job: "alertmanager", port: "http" }),
  scrapeTarget(stateMetricsFlow(prefix), { job: "kube-state-metrics", port: "metrics" }),
  ...(node ? [scrapeTarget(nodeExporterFlow(prefix), { job: "node", port: "metrics" })] : []),
];

/** Everything that Prometheus scrapes: what it was given, and monitoring itself. */
export const allTargets = (args: MonitoringFlowsArgs): readonly ScrapeTarget[] => [
  ...args.targets,
  ...ownTargets(args),
];

/** What monitoring listens on and whom it calls, known before anything exists. */
export const monitoringFlows = (args: MonitoringFlowsArgs): readonly FlowDeclaration[] => [
  prometheusFlow(args.prefix, allTargets(args)),
  alertmanagerFlow(args.prefix, args.receivers),
  stateMetricsFlow(args.prefix),
  ...(args.node ? [nodeExporterFlow(args.prefix)] : []),
];
