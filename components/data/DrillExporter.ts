import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  createExporter,
  hardened,
  httpProbe,
  labels,
  podDefaults,
  resources,
  scrapeTarget,
  type FlowDeclaration,
  type Labels,
  type ResolvedImage,
  type ScrapeTarget,
  type Size,
} from "../workload/index.ts";
import { evidenceRoot } from "./backupScripts.ts";
import { postgresLayout } from "./layout.ts";

export interface DrillExporterArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  /** node-exporter. */
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  /** The claim that the drill leaves its metrics on. */
  readonly evidenceClaim: pulumi.Input<string>;
  /** Raise it to restart the exporter. */
  readonly rotation: number;
}

const workload = "drill-exporter";
const port = 9101;
/** `nobody`, as in the public image. */
const uid = 65534;

const exporterLabels = (prefix: string): Labels => labels({ prefix, app: workload, component: "monitoring" });

/** It is asked and asks nobody: the namespace of the drill keeps no way to anything but the store. */
export const drillExporterFlows = (prefix: string): FlowDeclaration => ({
  layer: "drill",
  workload,
  selector: exporterLabels(prefix).selector,
  listens: [{ name: "metrics", port, encrypted: false, carriesPhi: false }],
  calls: [],
});

export const drillExporterTarget = (prefix: string): ScrapeTarget =>
  scrapeTarget(drillExporterFlows(prefix), { job: "restore-drill", port: "metrics" });

/**
 * Creates node-exporter with nothing but its textfile collector: it serves the verdict, RPO and RTO that the restore
 * drill has left on its volume. The drill itself is gone by the time Prometheus asks.
 * State: none; restore: redeploy.
 */
export class DrillExporter extends pulumi.ComponentResource {
  constructor(name: string, args: DrillExporterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:DrillExporter", name, { image: args.image.ref }, opts);
    createExporter(this, name, {
      ...args,
      workload,
      labels: exporterLabels(args.prefix),
      podSpec: (serviceAccount) => podSpec(args, serviceAccount),
    });
    this.registerOutputs({});
  }
}

/** Another user than the drill's, in its group: the metrics are open to the group, the rest of the volume is not. */
const security = hardened({ uid, fsGroup: postgresLayout.uid });

const podSpec = (
  args: DrillExporterArgs,
  serviceAccount: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec => ({
  ...podDefaults({ ...args, serviceAccount, security, graceSeconds: 60 }),
  containers: [
    {
      name: "exporter",
      image: args.image.ref,
      imagePullPolicy: "IfNotPresent",
      args: [
        `--web.listen-address=:${String(port)}`,
        "--web.disable-exporter-metrics",
        "--collector.disable-defaults",
        "--collector.textfile",
        `--collector.textfile.directory=${evidenceRoot}`,
      ],
      securityContext: security.container,
      ports: [{ name: "metrics", containerPort: port, protocol: "TCP" }],
      startupProbe: httpProbe("/", "metrics", allowing(60)),
      livenessProbe: httpProbe("/", "metrics", { failureThreshold: 6 }),
      readinessProbe: httpProbe("/", "metrics", { periodSeconds: 5 }),
      resources: resources(args.size, 32),
      volumeMounts: [{ name: "evidence", mountPath: evidenceRoot, readOnly: true }],
    },
  ],
  // Read-only in the container, not in the claim: the kubelet gives a volume to its group when the first pod mounts it
  // writable, and no other pod's mount makes up for that while the first one stays.
  volumes: [{ name: "evidence", persistentVolumeClaim: { claimName: args.evidenceClaim } }],
});
