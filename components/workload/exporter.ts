import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { ownAnnotation, type Labels } from "./labels.ts";

export interface ExporterParts {
  /** Name of its ServiceAccount and its Deployment. */
  readonly workload: string;
  readonly namespace: pulumi.Input<string>;
  readonly labels: Labels;
  /** Another value restarts it. */
  readonly rotation: string | number;
  readonly podSpec: (serviceAccount: pulumi.Input<string>) => k8s.types.input.core.v1.PodSpec;
  /** What has to be there before the pod asks for it. @default [] */
  readonly dependsOn?: readonly pulumi.Resource[];
}

/**
 * Creates a pod that Prometheus asks and that asks at most one other: a ServiceAccount whose token is not mounted, and
 * a Deployment of one replica, awaited for ten minutes at the most. State: none; restore: redeploy.
 */
export const createExporter = (parent: pulumi.Resource, name: string, parts: ExporterParts): void => {
  const { workload, namespace, labels, rotation, podSpec, dependsOn = [] } = parts;
  const metadata = { name: workload, namespace, labels: labels.all };
  const account = new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata, automountServiceAccountToken: false },
    { parent },
  );
  new k8s.apps.v1.Deployment(
    `${name}-server`,
    {
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels.selector },
        template: {
          metadata: { labels: labels.all, annotations: { [ownAnnotation.rotation]: String(rotation) } },
          spec: podSpec(account.metadata.name),
        },
      },
    },
    { parent, dependsOn: [...dependsOn], customTimeouts: { create: "10m", update: "10m" } },
  );
};
