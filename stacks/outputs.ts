import type * as pulumi from "@pulumi/pulumi";

/**
 * The stack's outputs: a contract with other teams, who read them by StackReference. Add, never rename.
 * Credentials are not here; they lie in Kubernetes Secrets of the namespaces below.
 */
export interface PlatformOutputs {
  /** Where users reach the API, e.g. `https://api.example.com`. */
  readonly apiUrl: string;
  /** PEM of the CA that signs internal certificates (and, with `ingress.tls: internal`, the API's own). */
  readonly caCertificate: string;
  /** What runs. */
  readonly versions: PlatformVersions;
  /** Names and ports inside the cluster. */
  readonly endpoints: PlatformEndpoints;
  /** Full names of this stack's namespaces. */
  readonly namespaces: {
    readonly data: string;
    readonly cache: string;
    readonly app: string;
    readonly monitoring: string | undefined;
  };
  /** What this stack does not do although the rules for patient data ask for it, each with its remedy. Empty is the aim. */
  readonly complianceGaps: readonly string[];
  /** What a stack with `cluster.source: shared` has to know. Undefined in a stack that shares another one's cluster. */
  readonly sharedCluster: SharedCluster | undefined;
  /**
   * Its way in. Secret, and all or nothing, because it makes namespaces and cluster-wide objects of its own.
   * Undefined in a stack that shares another one's cluster.
   */
  readonly sharedClusterKubeconfig: pulumi.Output<string> | undefined;
}

export interface PlatformVersions {
  /** e.g. `v1.36.5+k3s1`. */
  readonly kubernetes: pulumi.Output<string>;
  /** Tags of the images. */
  readonly postgres: string;
  readonly pgbouncer: string;
  readonly app: string;
  readonly dragonfly: string;
  readonly redis: string;
  /** Undefined where the edge belongs to another stack. */
  readonly traefik: string | undefined;
}

export interface PlatformEndpoints {
  readonly api: Endpoint;
  /** TLS only; `caCertificate` verifies it. */
  readonly database: Endpoint & { readonly database: string };
  /** The pooler before it, in transaction mode: for the application's two logins. */
  readonly pooler: Endpoint & { readonly database: string };
  /** TLS only, as the two below. `user` logs in with a password from a Secret of its own namespace. */
  readonly cache: Endpoint & { readonly user: string };
  readonly queue: Endpoint & { readonly user: string };
  /** For the media server. */
  readonly signalling: Endpoint & { readonly user: string };
  /** Undefined where nothing is watched. */
  readonly prometheus: Endpoint | undefined;
  readonly alertmanager: Endpoint | undefined;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the owner of a cluster tells a stack that shares it. Nothing here is secret. */
export interface SharedCluster {
  /** e.g. `v1.36.5+k3s1`; known once the cluster runs. */
  readonly version: pulumi.Output<string>;
  /** Range of pod addresses. */
  readonly clusterCidr: string;
  /** Where a pod reaches the API server: for what watches the cluster. */
  readonly apiServer: readonly { readonly cidr: string; readonly port: number }[];
  /** Where routes are made. */
  readonly edgeNamespace: pulumi.Output<string>;
  readonly ingressClass: pulumi.Output<string>;
}
