import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  httpProbe,
  ownAnnotation,
  resources,
  ServerCertificate,
  serviceHost,
  serviceNames,
  type CertificateAuthority,
  type CertificateTerm,
  type EnvVar,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { appContainer, appPod, type AppPodArgs } from "./appPod.ts";
import { appLabels, appLayout } from "./layout.ts";
import { tlsFrontContainer, tlsFrontScripts, tlsFrontVolumes } from "./tlsFront.ts";

export interface ApiArgs {
  readonly prefix: string;
  readonly namespaceName: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  readonly env: readonly EnvVar[];
  readonly caConfigMap: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  readonly replicas: number;
  readonly size: Size;
  /** Of what ends TLS before it. */
  readonly tlsFrontSize: Size;
  readonly authority: CertificateAuthority;
  /** Readiness: may look at the database. */
  readonly healthPath: string;
  /** Liveness: must not, or a database outage restarts every pod. */
  readonly livenessPath: string;
  /** Text whose change restarts the pods, e.g. `1.1`. */
  readonly rotation: string;
}

/** Time for requests and open WebSockets to end. */
const graceSeconds = 75;
/** The edge and kube-proxy need a moment to notice that a pod is leaving. */
const drainSeconds = 5;

/**
 * Creates the API: Deployment with TLS before it, Service (ClusterIP) and, with two or more replicas, a
 * PodDisruptionBudget. Does not migrate and does not publish. State: none; restore: redeploy.
 */
export class Api extends pulumi.ComponentResource {
  /** `host` and `port` inside the cluster; HTTPS, verified by the internal CA. */
  public readonly endpoint: { readonly host: string; readonly port: number };
  public readonly certificate: CertificateTerm;

  constructor(name: string, args: ApiArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:app:Api", name, { image: args.image.ref, replicas: args.replicas }, opts);
    checkArgs(args);
    const account = createAccount(this, name, args);
    const certificate = createCertificate(this, name, args);
    this.certificate = certificate.term;
    createDeployment(this, name, args, {
      serviceAccount: account.metadata.name,
      tls: certificate.secretName,
      tlsFront: createTlsFront(this, name, args).metadata.name,
    });
    createService(this, name, args);
    // With one replica a budget would only block the drain of the node.
    if (args.replicas >= 2) createBudget(this, name, args);
    this.endpoint = {
      host: serviceHost(appLayout.apiService, args.namespaceName),
      port: appLayout.apiTlsPort,
    };
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

const checkArgs = (args: ApiArgs): void => {
  if (!Number.isInteger(args.replicas) || args.replicas < 1) {
    throw new Error(`app.apiReplicas: ${String(args.replicas)} is not a whole number of at least 1`);
  }
  if (args.healthPath === args.livenessPath) {
    throw new Error(
      `app.livenessPath: "${args.livenessPath}" is also app.healthPath, which looks at the database; its outage would restart every API pod`,
    );
  }
};

const metadata = (
  args: ApiArgs,
): { name: string; namespace: pulumi.Input<string>; labels: Readonly<Record<string, string>> } => ({
  name: appLayout.apiService,
  namespace: args.namespace,
  labels: appLabels(args.prefix, "api").all,
});

const createAccount = (parent: Api, name: string, args: ApiArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args), automountServiceAccountToken: false },
    { parent },
  );

const createCertificate = (parent: Api, name: string, args: ApiArgs): ServerCertificate =>
  new ServerCertificate(
    `${name}-tls`,
    {
      namespace: args.namespace,
      secretName: "api-tls",
      dnsNames: serviceNames(appLayout.apiService, args.namespaceName),
      authority: args.authority,
    },
    { parent },
  );

/** Named by the engine: a change makes a new one, and the new name rolls the pods. */
const createTlsFront = (parent: Api, name: string, args: ApiArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-tls-front`,
    {
      metadata: { namespace: args.namespace, labels: appLabels(args.prefix, "api").all },
      data: { ...tlsFrontScripts() },
    },
    { parent },
  );

interface ApiParts {
  readonly serviceAccount: pulumi.Output<string>;
  readonly tls: pulumi.Output<string>;
  readonly tlsFront: pulumi.Output<string>;
}

const createDeployment = (
  parent: Api,
  name: string,
  args: ApiArgs,
  parts: ApiParts,
): k8s.apps.v1.Deployment => {
  const labels = appLabels(args.prefix, "api");
  const pod: AppPodArgs = { ...args, serviceAccount: parts.serviceAccount, graceSeconds };
  const base = appPod(pod);
  return new k8s.apps.v1.Deployment(
    `${name}-deployment`,
    {
      metadata: metadata(args),
      spec: {
        replicas: args.replicas,
        selector: { matchLabels: labels.selector },
        // The old pod serves until the new one is ready.
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        progressDeadlineSeconds: 600,
        template: {
          metadata: { labels: labels.all, annotations: { [ownAnnotation.rotation]: args.rotation } },
          spec: {
            ...base,
            initContainers: [tlsFrontContainer({ image: args.image, size: args.tlsFrontSize })],
            containers: [apiContainer(args, pod)],
            volumes: [...base.volumes, ...tlsFrontVolumes(parts.tls, parts.tlsFront)],
          },
        },
      },
    },
    { parent, customTimeouts: { create: "15m", update: "15m" } },
  );
};

const apiContainer = (args: ApiArgs, pod: AppPodArgs): k8s.types.input.core.v1.Container => ({
  ...appContainer(pod),
  name: "api",
  ports: [{ name: "http", containerPort: appLayout.apiPort, protocol: "TCP" }],
  startupProbe: httpProbe(args.livenessPath, "http", allowing(180)),
  livenessProbe: httpProbe(args.livenessPath, "http", { failureThreshold: 6 }),
  readinessProbe: httpProbe(args.healthPath, "http", { periodSeconds: 5 }),
  lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
  resources: resources(args.size),
});

const createService = (parent: Api, name: string, args: ApiArgs): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${name}-service`,
    {
      metadata: { ...metadata(args), annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        type: "ClusterIP",
        selector: appLabels(args.prefix, "api").selector,
        ports: [{ name: "https", port: appLayout.apiTlsPort, targetPort: "https", protocol: "TCP" }],
      },
    },
    { parent },
  );

const createBudget = (parent: Api, name: string, args: ApiArgs): k8s.policy.v1.PodDisruptionBudget =>
  new k8s.policy.v1.PodDisruptionBudget(
    `${name}-budget`,
    {
      metadata: metadata(args),
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: "AlwaysAllow",
        selector: { matchLabels: appLabels(args.prefix, "api").selector },
      },
    },
    { parent },
  );
