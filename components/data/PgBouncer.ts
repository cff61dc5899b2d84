import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  atLeast,
  flowId,
  labels,
  scrapeTarget,
  serviceHost,
  serviceNames,
  ServerCertificate,
  type CertificateAuthority,
  type CertificateTerm,
  type FlowDeclaration,
  type Labels,
  type ResolvedImage,
  type ScrapeTarget,
  type Size,
} from "../workload/index.ts";
import { roles } from "./layout.ts";
import { renderPgbouncerIni } from "./pgbouncerIni.ts";
import { pgbouncerLayout } from "./pgbouncerLayout.ts";
import { connectionKey, pgbouncerPod, pgbouncerScripts, type PgBouncerParts } from "./pgbouncerPod.ts";
import { exporterConnection, renderUserlist } from "./pgbouncerUserlist.ts";
import type { PoolerLimits } from "./poolerLimits.ts";
import { postgresPort, type DatabaseEndpoint } from "./Postgres.ts";

export interface PgBouncerArgs {
  readonly prefix: string;
  /** Full name of the namespace, as a plain string: it stands in the certificate. */
  readonly namespaceName: string;
  /** The same name from the created namespace, for order. */
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  /** Exports metrics. @default none are exported */
  readonly exporter?: { readonly image: ResolvedImage; readonly size: Size } | undefined;
  readonly replicas: number;
  readonly size: Size;
  /** Of the sidecar that watches for changes. */
  readonly reloaderSize: Size;
  readonly priorityClass: pulumi.Input<string>;
  /** The server behind it. */
  readonly database: DatabaseEndpoint;
  readonly limits: PoolerLimits;
  /** Of the role that looks up verifiers. */
  readonly lookupPassword: pulumi.Output<string>;
  readonly statsPassword: pulumi.Output<string>;
  readonly authority: CertificateAuthority;
  /** Raise it to restart the pods, one after the other and without a failed transaction. */
  readonly rotation: number;
}

/** Below it a packet of a stranger stops the process (CVE-2026-6664). */
export const oldestPgBouncer = "1.25.2";

const service = "pgbouncer";
const pgbouncerLabels = (prefix: string): Labels => labels({ prefix, app: service, component: "pooler" });

/** What the pooler listens on and whom it calls, known before anything exists. */
export const pgbouncerFlows = (prefix: string, metrics: boolean): FlowDeclaration => ({
  layer: "data",
  workload: service,
  selector: pgbouncerLabels(prefix).selector,
  listens: [
    { name: "pgbouncer", port: pgbouncerLayout.port, encrypted: true, carriesPhi: true },
    ...(metrics
      ? [{ name: "metrics", port: pgbouncerLayout.metricsPort, encrypted: false, carriesPhi: false }]
      : []),
  ],
  calls: [postgresPort, { service: "dns" }],
});

/** `{ workload, port }` for those who call it. */
export const pgbouncerPort = {
  workload: flowId({ layer: "data", workload: service }),
  port: "pgbouncer",
} as const;

export const pgbouncerMetrics = (prefix: string): ScrapeTarget =>
  scrapeTarget(pgbouncerFlows(prefix, true), { job: service, port: "metrics" });

/**
 * Creates the pooler in front of the database: transaction mode, TLS with verification on both sides, verifiers looked
 * up in the database, so that it knows none of the application's passwords.
 * A changed setting, user list or certificate is taken over by the running processes; a restart ends no transaction
 * that runs. A client whose connection is closed between two transactions opens another one and starts again.
 * State: none; restore: redeploy.
 */
export class PgBouncer extends pulumi.ComponentResource {
  public readonly endpoint: DatabaseEndpoint;
  public readonly certificate: CertificateTerm;

  constructor(name: string, args: PgBouncerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:PgBouncer", name, { image: args.image.ref, replicas: args.replicas }, opts);
    checkArgs(args);
    const certificate = new ServerCertificate(
      `${name}-tls`,
      {
        namespace: args.namespace,
        secretName: "pgbouncer-tls",
        dnsNames: serviceNames(service, args.namespaceName),
        authority: args.authority,
      },
      { parent: this },
    );
    const parts: PgBouncerParts = {
      labels: pgbouncerLabels(args.prefix),
      serviceAccount: createAccount(this, name, args).metadata.name,
      scripts: createScripts(this, name, args).metadata.name,
      config: createConfig(this, name, args).metadata.name,
      tls: certificate.secretName,
      exporter: args.exporter && createExporterSecret(this, name, args).metadata.name,
    };
    createDeployment(this, name, args, parts);
    createService(this, name, args);
    // With one replica a budget would only block the drain of the node.
    if (args.replicas >= 2) createBudget(this, name, args);
    this.endpoint = { host: serviceHost(service, args.namespaceName), port: pgbouncerLayout.port };
    this.certificate = certificate.term;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

const checkArgs = (args: PgBouncerArgs): void => {
  const problems = [
    ...(atLeast(args.image.tag, oldestPgBouncer)
      ? []
      : [
          `images.pgbouncer: tag "${args.image.tag}" is older than ${oldestPgBouncer}, which a packet of a stranger can stop; use ${oldestPgBouncer} or newer`,
        ]),
    ...(Number.isInteger(args.replicas) && args.replicas >= 1
      ? []
      : [`pgbouncer: ${String(args.replicas)} replicas is not a whole number of at least 1`]),
  ];
  if (problems.length > 0) throw new Error(problems.join("\n"));
};

const metadata = (
  args: PgBouncerArgs,
  objectName?: string,
): { namespace: pulumi.Input<string>; labels: Record<string, string>; name?: string } => ({
  ...(objectName === undefined ? {} : { name: objectName }),
  namespace: args.namespace,
  labels: { ...pgbouncerLabels(args.prefix).all },
});

const createAccount = (parent: PgBouncer, name: string, args: PgBouncerArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, service), automountServiceAccountToken: false },
    { parent },
  );

/** Named by the engine: a change makes a new one, and the new name rolls the pods. */
const createScripts = (parent: PgBouncer, name: string, args: PgBouncerArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-scripts`,
    { metadata: metadata(args), data: pgbouncerScripts() },
    { parent },
  );

/** Fixed name, changed in place, settings and users in one: the running processes take them over together. */
const createConfig = (parent: PgBouncer, name: string, args: PgBouncerArgs): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    `${name}-config`,
    {
      metadata: metadata(args, "pgbouncer-config"),
      stringData: {
        "pgbouncer.ini": renderPgbouncerIni({
          databaseHost: args.database.host,
          databasePort: args.database.port,
          clients: [roles.appA, roles.appB],
          limits: args.limits,
          release: args.image.tag,
        }),
        "userlist.txt": pulumi
          .all([args.lookupPassword, args.statsPassword])
          .apply(([lookupPassword, statsPassword]) => renderUserlist({ lookupPassword, statsPassword })),
      },
    },
    { parent },
  );

/** Read at the start of the exporter: a new password needs a raised rotation. */
const createExporterSecret = (parent: PgBouncer, name: string, args: PgBouncerArgs): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    `${name}-exporter`,
    {
      metadata: metadata(args, "pgbouncer-exporter"),
      stringData: { [connectionKey]: args.statsPassword.apply(exporterConnection) },
    },
    { parent },
  );

const createDeployment = (
  parent: PgBouncer,
  name: string,
  args: PgBouncerArgs,
  parts: PgBouncerParts,
): k8s.apps.v1.Deployment =>
  new k8s.apps.v1.Deployment(
    `${name}-deployment`,
    {
      metadata: metadata(args, service),
      spec: {
        replicas: args.replicas,
        selector: { matchLabels: parts.labels.selector },
        // The old pod serves until the new one does.
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        progressDeadlineSeconds: 300,
        template: pgbouncerPod(args, parts),
      },
    },
    { parent, customTimeouts: { create: "10m", update: "10m" } },
  );

const createService = (parent: PgBouncer, name: string, args: PgBouncerArgs): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${name}-service`,
    {
      // Who needs it waits for the Deployment; waiting for endpoints costs ten seconds.
      metadata: { ...metadata(args, service), annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        type: "ClusterIP",
        selector: pgbouncerLabels(args.prefix).selector,
        ports: [{ name: "pgbouncer", port: pgbouncerLayout.port, targetPort: "pgbouncer", protocol: "TCP" }],
      },
    },
    { parent },
  );

const createBudget = (
  parent: PgBouncer,
  name: string,
  args: PgBouncerArgs,
): k8s.policy.v1.PodDisruptionBudget =>
  new k8s.policy.v1.PodDisruptionBudget(
    `${name}-budget`,
    {
      metadata: metadata(args, service),
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: "AlwaysAllow",
        selector: { matchLabels: pgbouncerLabels(args.prefix).selector },
      },
    },
    { parent },
  );
