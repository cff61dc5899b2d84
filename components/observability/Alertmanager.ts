import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { dataOpts, serviceHost } from "../workload/index.ts";
import {
  renderAlertmanagerConfig,
  receiverFiles,
  type AlertmanagerConfigArgs,
} from "./alertmanagerConfig.ts";
import { alertmanagerPod } from "./alertmanagerPod.ts";
import { monitoringLabels, monitoringLayout } from "./layout.ts";
import { claimSpec, createAccount, createService, metadata, type MonitoringPartArgs } from "./place.ts";
import type { Endpoint } from "./Prometheus.ts";

/** What is secret about the receivers. */
export interface ReceiverSecrets {
  /** With kind `webhook`. */
  readonly webhookUrl: pulumi.Output<string> | undefined;
  /** With kind `smtp`. */
  readonly smtpPassword: pulumi.Output<string> | undefined;
  /** With a dead-man's switch. */
  readonly deadMansSwitchUrl: pulumi.Output<string> | undefined;
}

export interface AlertmanagerArgs extends MonitoringPartArgs {
  readonly config: AlertmanagerConfigArgs;
  readonly secrets: ReceiverSecrets;
  readonly storageClass: pulumi.Input<string>;
  /** PEM of the internal CA. */
  readonly caCertificate: string;
}

const part = "alertmanager";

/**
 * Creates Alertmanager, which groups alerts and hands them to one receiver, and reports to an outside watchdog.
 * URLs and passwords are read from mounted files at every notification: a new one needs no restart. A changed
 * configuration restarts it; Prometheus sends its alerts again within a minute.
 * State: silences and what was notified, on a retained volume; restore: none needed.
 */
export class Alertmanager extends pulumi.ComponentResource {
  public readonly endpoint: Endpoint;

  constructor(name: string, args: AlertmanagerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:observability:Alertmanager", name, { image: args.image.ref, config: args.config }, opts);
    const account = createAccount(this, name, args, part);
    const config = createConfig(this, name, args);
    const secret = createSecret(this, name, args);
    const claim = new k8s.core.v1.PersistentVolumeClaim(
      `${name}-data`,
      { metadata: metadata(args, part, "alertmanager-data"), spec: claimSpec(args.storageClass, 1) },
      dataOpts(this),
    );
    createService(this, name, args, part, { name: "http", port: monitoringLayout.alertmanager.port });
    const labels = monitoringLabels(args.prefix, part);
    new k8s.apps.v1.Deployment(
      `${name}-server`,
      {
        metadata: metadata(args, part, part),
        spec: {
          replicas: 1,
          strategy: { type: "Recreate" },
          selector: { matchLabels: labels.selector },
          template: alertmanagerPod(args, {
            labels,
            serviceAccount: account.metadata.name,
            config: config.metadata.name,
            secret: secret.metadata.name,
            claim: claim.metadata.name,
          }),
        },
      },
      { parent: this, customTimeouts: { create: "10m", update: "10m" } },
    );
    this.endpoint = { host: serviceHost(part, args.namespaceName), port: monitoringLayout.alertmanager.port };
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

/** Named by the engine: a change makes a new one, and the new name restarts the server. */
const createConfig = (parent: Alertmanager, name: string, args: AlertmanagerArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-config`,
    {
      metadata: metadata(args, part),
      data: { "alertmanager.yaml": renderAlertmanagerConfig(args.config), "ca.crt": args.caCertificate },
    },
    { parent },
  );

/** Fixed name, changed in place. */
const createSecret = (parent: Alertmanager, name: string, args: AlertmanagerArgs): k8s.core.v1.Secret => {
  const { webhookUrl, smtpPassword, deadMansSwitchUrl } = args.secrets;
  const values: Readonly<Record<string, pulumi.Output<string> | undefined>> = {
    [receiverFiles.webhookUrl]: webhookUrl,
    [receiverFiles.smtpPassword]: smtpPassword,
    [receiverFiles.deadMansSwitchUrl]: deadMansSwitchUrl,
  };
  const present = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return new k8s.core.v1.Secret(
    `${name}-receivers`,
    { metadata: metadata(args, part, "alertmanager-receivers"), stringData: Object.fromEntries(present) },
    { parent },
  );
};
