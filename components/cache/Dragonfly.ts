import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  serviceHost,
  serviceNames,
  ServerCertificate,
  type CertificateAuthority,
  type CertificateTerm,
  type SecretRef,
} from "../workload/index.ts";
import { dragonflyMemoryProblem, fittingThreads } from "./dragonflyFlags.ts";
import { dragonflyLabels } from "./dragonflyFlows.ts";
import {
  dragonflyKeys,
  dragonflyPodTemplate,
  type DragonflyPodArgs,
  type DragonflyPodParts,
} from "./dragonflyPod.ts";
import { cacheAppUser, createDragonflyUsers } from "./dragonflyUsers.ts";
import { renderKeeperScript } from "./keeperScript.ts";
import { dragonflyLayout, dragonflyService } from "./layout.ts";

export interface DragonflyArgs extends DragonflyPodArgs {
  readonly prefix: string;
  /** Full name of the namespace, as a plain string: it stands in the certificate. */
  readonly namespaceName: string;
  /** The same name from the created namespace, for order. */
  readonly namespace: pulumi.Input<string>;
  /** Proactor threads; each needs 256 MiB of data. @default as many as fit, at most 2 */
  readonly threads?: number;
  /** What every key of the cache begins with. */
  readonly keyPrefix: string;
  /** Of the application. */
  readonly appPassword: pulumi.Output<string>;
  readonly authority: CertificateAuthority;
}

/**
 * Creates the cache: Dragonfly, TLS only, users with rights of their own, entries that give way at the memory limit.
 * Does not hold queues (they would be evicted) and writes nothing to disk. State: none; restore: it fills by itself.
 * A new certificate in config is taken over by the running server, and no client loses its connection. New passwords
 * are taken over too; Dragonfly then ends the connections of all users, who have to log in again.
 */
export class Dragonfly extends pulumi.ComponentResource {
  /** `host`, `port` and the application's name to log in with. */
  public readonly endpoint: { readonly host: string; readonly port: number; readonly user: string };
  public readonly certificate: CertificateTerm;
  /** Where the clean-up finds its password, and its CA. */
  public readonly cleanup: { readonly password: SecretRef; readonly tlsSecret: pulumi.Output<string> };

  constructor(name: string, args: DragonflyArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:cache:Dragonfly", name, { image: args.image.ref }, opts);
    const limitMiB = args.size.memoryLimitMiB ?? args.size.memoryMiB;
    const memory = { limitMiB, threads: args.threads ?? fittingThreads(limitMiB) };
    const problem = dragonflyMemoryProblem(memory);
    if (problem !== undefined) throw new Error(problem);
    const certificate = new ServerCertificate(
      `${name}-tls`,
      {
        namespace: args.namespace,
        secretName: `${dragonflyService}-tls`,
        dnsNames: serviceNames(dragonflyService, args.namespaceName),
        authority: args.authority,
      },
      { parent: this },
    );
    const users = createDragonflyUsers(this, name, { ...args, metadata: metadata(args, "users") });
    createServer(this, name, args, {
      ...memory,
      labels: dragonflyLabels(args.prefix),
      serviceAccount: createAccount(this, name, args).metadata.name,
      config: createConfig(this, name, args).metadata.name,
      users: users.metadata.name,
      tls: certificate.secretName,
    });
    createService(this, name, args);
    this.endpoint = {
      host: serviceHost(dragonflyService, args.namespaceName),
      port: dragonflyLayout.port,
      user: cacheAppUser,
    };
    this.cleanup = {
      password: { secretName: users.metadata.name, key: dragonflyKeys.cleanup },
      tlsSecret: certificate.secretName,
    };
    this.certificate = certificate.term;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

const metadata = (
  args: DragonflyArgs,
  role?: string,
): { namespace: pulumi.Input<string>; labels: Record<string, string>; name?: string } => ({
  ...(role === undefined ? {} : { name: role === "" ? dragonflyService : `${dragonflyService}-${role}` }),
  namespace: args.namespace,
  labels: { ...dragonflyLabels(args.prefix).all },
});

const createAccount = (parent: Dragonfly, name: string, args: DragonflyArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, ""), automountServiceAccountToken: false },
    { parent },
  );

/** Named by the engine: a change makes a new one, and the new name restarts the pod. */
const createConfig = (parent: Dragonfly, name: string, args: DragonflyArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-config`,
    {
      metadata: metadata(args),
      data: {
        "keeper.sh": renderKeeperScript({
          ...dragonflyLayout,
          name: "dragonfly-keeper",
          // The files keep their names; this flag has them read again.
          reloadCertificate: "config set tls true",
        }),
      },
    },
    { parent },
  );

const createService = (parent: Dragonfly, name: string, args: DragonflyArgs): k8s.core.v1.Service =>
  new k8s.core.v1.Service(
    `${name}-service`,
    {
      metadata: { ...metadata(args, ""), annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        type: "ClusterIP",
        selector: dragonflyLabels(args.prefix).selector,
        ports: [{ name: "redis", port: dragonflyLayout.port, targetPort: "redis", protocol: "TCP" }],
      },
    },
    { parent },
  );

const createServer = (
  parent: Dragonfly,
  name: string,
  args: DragonflyArgs,
  parts: DragonflyPodParts,
): k8s.apps.v1.Deployment =>
  new k8s.apps.v1.Deployment(
    `${name}-deployment`,
    {
      metadata: metadata(args, ""),
      spec: {
        replicas: 1,
        selector: { matchLabels: parts.labels.selector },
        // Two at once would be two caches behind one name, and twice the memory.
        strategy: { type: "Recreate" },
        progressDeadlineSeconds: 600,
        template: dragonflyPodTemplate(args, parts),
      },
    },
    { parent, customTimeouts: { create: "15m", update: "15m" } },
  );
