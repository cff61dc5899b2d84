import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  apiToken,
  createExporter,
  hardened,
  httpProbe,
  podDefaults,
  prefixed,
  resources,
  type Layer,
} from "../workload/index.ts";
import { monitoringLabels, monitoringLayout } from "./layout.ts";
import { createClusterRole, createRoles, reading, type MonitoringPartArgs, type Watched } from "./place.ts";

export interface KubeStateMetricsArgs extends MonitoringPartArgs {
  /** The namespaces of this stack; it sees no others. */
  readonly watched: Watched;
  /** Also report on nodes: only in the stack that owns the cluster. */
  readonly nodes: boolean;
}

const part = "kube-state-metrics";
const layout = monitoringLayout.kubeStateMetrics;

/** What alerts need, and no more: no Secrets, no ConfigMaps. */
const watchedKinds = [
  { apiGroups: [""], resources: ["pods", "persistentvolumeclaims"], verbs: reading },
  { apiGroups: ["apps"], resources: ["deployments", "statefulsets", "daemonsets"], verbs: reading },
  { apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: reading },
];

/**
 * Creates kube-state-metrics, which turns the state of this stack's pods, Jobs and workloads into metrics.
 * State: none; restore: redeploy.
 */
export class KubeStateMetrics extends pulumi.ComponentResource {
  constructor(name: string, args: KubeStateMetricsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:observability:KubeStateMetrics", name, { image: args.image.ref }, opts);
    const rights = [
      ...createRoles(this, name, args, part, watchedKinds),
      ...(args.nodes
        ? createClusterRole(this, name, args, part, [
            { apiGroups: [""], resources: ["nodes"], verbs: reading },
          ])
        : []),
    ];
    createExporter(this, name, {
      ...args,
      workload: part,
      labels: monitoringLabels(args.prefix, part),
      podSpec: (serviceAccount) => podSpec(args, serviceAccount),
      dependsOn: rights,
    });
    this.registerOutputs({});
  }
}

export const stateMetricsFlags = ({
  prefix,
  watched,
  nodes,
}: Pick<KubeStateMetricsArgs, "prefix" | "watched" | "nodes">): string[] => [
  `--port=${String(layout.port)}`,
  `--telemetry-port=${String(layout.telemetryPort)}`,
  `--resources=${[...watchedKinds.flatMap((kind) => kind.resources), ...(nodes ? ["nodes"] : [])].sort().join(",")}`,
  `--namespaces=${(Object.keys(watched) as Layer[]).map((layer) => prefixed(prefix, layer)).join(",")}`,
];

const podSpec = (
  args: KubeStateMetricsArgs,
  serviceAccount: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec => {
  const { uid } = monitoringLayout;
  const security = hardened({ uid, fsGroup: uid });
  const token = apiToken();
  return {
    ...podDefaults({ ...args, serviceAccount, security, graceSeconds: 60 }),
    containers: [
      {
        name: part,
        image: args.image.ref,
        imagePullPolicy: "IfNotPresent",
        args: stateMetricsFlags(args),
        securityContext: security.container,
        ports: [
          { name: "metrics", containerPort: layout.port, protocol: "TCP" },
          { name: "telemetry", containerPort: layout.telemetryPort, protocol: "TCP" },
        ],
        startupProbe: httpProbe("/healthz", "metrics", allowing(120)),
        // Not /livez, which asks the API server: its restart is no reason to restart this.
        livenessProbe: httpProbe("/healthz", "metrics", { failureThreshold: 6 }),
        readinessProbe: httpProbe("/metrics", "telemetry", { periodSeconds: 10 }),
        resources: resources(args.size, 64),
        volumeMounts: [token.mount],
      },
    ],
    volumes: [token.volume],
  };
};
