import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  execProbe,
  ownAnnotation,
  resources,
  value,
  type EnvVar,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { appContainer, appPod, type AppPodArgs } from "./appPod.ts";
import { appLabels, appLayout } from "./layout.ts";

export interface WorkerArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  readonly env: readonly EnvVar[];
  readonly caConfigMap: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  readonly size: Size;
  /** Text whose change restarts the pod. */
  readonly rotation: string;
}

/** On SIGTERM the worker finishes or returns its jobs. */
const graceSeconds = 120;
const healthcheck = [...appLayout.workerCommand, "--healthcheck"];

/**
 * Creates the worker: the API's image in worker mode, without a port.
 * State: none (jobs live in the queue); restore: redeploy.
 */
export class Worker extends pulumi.ComponentResource {
  constructor(name: string, args: WorkerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:app:Worker", name, { image: args.image.ref }, opts);
    const labels = appLabels(args.prefix, "worker");
    const metadata = { name: "worker", namespace: args.namespace, labels: labels.all };
    const account = new k8s.core.v1.ServiceAccount(
      `${name}-account`,
      { metadata, automountServiceAccountToken: false },
      { parent: this },
    );
    const pod: AppPodArgs = {
      ...args,
      env: [...args.env, value("APP_MODE", "worker")],
      serviceAccount: account.metadata.name,
      graceSeconds,
    };
    new k8s.apps.v1.Deployment(
      `${name}-deployment`,
      {
        metadata,
        spec: {
          replicas: 1,
          selector: { matchLabels: labels.selector },
          template: {
            metadata: { labels: labels.all, annotations: { [ownAnnotation.rotation]: args.rotation } },
            spec: { ...appPod(pod), containers: [workerContainer(args, pod)] },
          },
        },
      },
      { parent: this, customTimeouts: { create: "15m", update: "15m" } },
    );
    this.registerOutputs({});
  }
}

/** Readiness asks more often and gives up sooner than liveness: a restart returns jobs to the queue. */
const workerContainer = (args: WorkerArgs, pod: AppPodArgs): k8s.types.input.core.v1.Container => ({
  ...appContainer(pod),
  name: "worker",
  command: [...appLayout.workerCommand],
  startupProbe: execProbe(healthcheck, allowing(180, 10)),
  livenessProbe: execProbe(healthcheck, { periodSeconds: 60, timeoutSeconds: 15, failureThreshold: 5 }),
  readinessProbe: execProbe(healthcheck, { periodSeconds: 30, timeoutSeconds: 15 }),
  resources: resources(args.size),
});
