import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { dataOpts, serviceHost, type CertificateTerm, type ScrapeTarget } from "../workload/index.ts";
import { monitoringLabels, monitoringLayout } from "./layout.ts";
import {
  claimSpec,
  createAccount,
  createRoles,
  createService,
  metadata,
  reading,
  type MonitoringPartArgs,
  type Watched,
} from "./place.ts";
import { renderPrometheusConfig } from "./prometheusConfig.ts";
import { prometheusPod } from "./prometheusPod.ts";
import { renderRules, type RuleFeatures } from "./rules/index.ts";

export interface PrometheusArgs extends MonitoringPartArgs {
  readonly targets: readonly ScrapeTarget[];
  /** The namespaces of the targets. */
  readonly watched: Watched;
  readonly rules: Omit<RuleFeatures, "jobs" | "certificates">;
  /** Certificates whose end is watched. */
  readonly certificates: readonly CertificateTerm[];
  readonly retentionDays: number;
  /** GiB; metrics use at most four fifths of it. */
  readonly storageGiB: number;
  readonly storageClass: pulumi.Input<string>;
  /** PEM of the internal CA. */
  readonly caCertificate: string;
}

/** Where something is reached inside the cluster. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const part = "prometheus";
/** Fixed: the running server reads it again when it changes. */
const configName = "prometheus-config";

/**
 * Creates Prometheus, which scrapes the pods of this stack and evaluates the alert rules. A changed configuration is
 * read by the running server, and one that it refuses leaves the old one at work (and alerts).
 * Does not notify anybody: see Alertmanager. No login: whoever reaches the port may read metrics, so nobody does but
 * by port-forward. State: metrics on a retained volume; restore: none needed, they grow again.
 */
export class Prometheus extends pulumi.ComponentResource {
  public readonly endpoint: Endpoint;

  constructor(name: string, args: PrometheusArgs, opts?: pulumi.ComponentResourceOptions) {
    super(
      "platform:observability:Prometheus",
      name,
      { image: args.image.ref, storageGiB: args.storageGiB },
      opts,
    );
    const account = createAccount(this, name, args, part);
    const rights = createRoles(this, name, args, part, [
      { apiGroups: [""], resources: ["pods"], verbs: reading },
    ]);
    const config = createConfig(this, name, args);
    const claim = new k8s.core.v1.PersistentVolumeClaim(
      `${name}-data`,
      {
        metadata: metadata(args, part, "prometheus-data"),
        spec: claimSpec(args.storageClass, args.storageGiB),
      },
      dataOpts(this),
    );
    createService(this, name, args, part, { name: "http", port: monitoringLayout.prometheus.port });
    createServer(this, name, args, {
      serviceAccount: account.metadata.name,
      claim: claim.metadata.name,
      dependsOn: [...rights, config],
    });
    this.endpoint = { host: serviceHost(part, args.namespaceName), port: monitoringLayout.prometheus.port };
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

const createConfig = (parent: Prometheus, name: string, args: PrometheusArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-config`,
    {
      metadata: metadata(args, part, configName),
      data: {
        "prometheus.yaml": renderPrometheusConfig(args),
        "rules.yaml": rules(args),
        "ca.crt": args.caCertificate,
      },
    },
    // With a fixed name a change is a replacement; the pod keeps the files that it has meanwhile.
    { parent, deleteBeforeReplace: true },
  );

const rules = ({ rules: features, targets, certificates }: PrometheusArgs): pulumi.Output<string> =>
  pulumi.all(certificates.map(({ ends }) => ends)).apply((ends) =>
    renderRules({
      ...features,
      jobs: targets.map(({ job }) => job),
      certificates: certificates.map(({ name }, i) => ({ name, seconds: endOf(name, ends[i]) })),
    }),
  );

const endOf = (name: string, text: string | undefined): number => {
  const seconds = Date.parse(text ?? "") / 1000;
  if (!Number.isInteger(seconds))
    throw new Error(`${name}: "${String(text)}" is not when a certificate ends`);
  return seconds;
};

interface ServerParts {
  readonly serviceAccount: pulumi.Input<string>;
  readonly claim: pulumi.Input<string>;
  readonly dependsOn: pulumi.Resource[];
}

const createServer = (
  parent: Prometheus,
  name: string,
  args: PrometheusArgs,
  { dependsOn, ...parts }: ServerParts,
): k8s.apps.v1.Deployment => {
  const labels = monitoringLabels(args.prefix, part);
  return new k8s.apps.v1.Deployment(
    `${name}-server`,
    {
      metadata: metadata(args, part, part),
      spec: {
        replicas: 1,
        // Two servers cannot share one volume.
        strategy: { type: "Recreate" },
        selector: { matchLabels: labels.selector },
        // By its literal name: a replaced configuration must not restart the server.
        template: prometheusPod(args, { ...parts, labels, config: configName }),
      },
    },
    { parent, dependsOn, customTimeouts: { create: "15m", update: "15m" } },
  );
};
