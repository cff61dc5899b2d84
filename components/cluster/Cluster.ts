import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { remoteScript, upload } from "../remote/index.ts";
import type { SshConnection } from "../remote/index.ts";
import { installTimeoutSeconds, renderInstall, uploadPath } from "./install.ts";
import { renderKubeconfig, renderReadKubeconfig } from "./kubeconfig.ts";
import { clusterProvider } from "./provider.ts";
import { checkClusterSpec } from "./types.ts";
import type { ClusterSpec } from "./types.ts";

export interface ClusterArgs extends Omit<ClusterSpec, "registry"> {
  /** The prepared host: an upload may begin after `staging`, k3s is installed after `ready`. */
  readonly host: { readonly staging: pulumi.Resource; readonly ready: pulumi.Resource };
  /** From `sshConnection`. */
  readonly connection: SshConnection;
  /** Server token: secret, and needed again to restore a snapshot. */
  readonly token: pulumi.Input<string>;
  /** Token that is good for joining agents only. */
  readonly agentToken: pulumi.Input<string>;
  /** Recovery run: take over objects that exist in the cluster and not in the state. @default false */
  readonly adoptExisting?: boolean;
  readonly registry:
    (NonNullable<ClusterSpec["registry"]> & { readonly password: pulumi.Input<string> }) | undefined;
}

/** The plain part of the arguments: what renderers see and what the state records. */
const specOf = (args: ClusterArgs): ClusterSpec => {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- named to leave them out
  const { host: machine, connection, token, agentToken, registry, adoptExisting, ...rest } = args;
  if (registry === undefined) return { ...rest, registry };
  const { host, endpoint, username } = registry;
  return { ...rest, registry: { host, endpoint, username } };
};

/**
 * k3s on a prepared host: a pinned binary under our own unit, started with the hardened configuration, and the one
 * Kubernetes provider. Does not prepare the host and puts nothing into the cluster.
 *
 * State: the datastore and its snapshots on the host, both readable only with `token`. Restore: run again on
 * the same host; on a new one with the same `token` from an etcd snapshot. Removing the component leaves the cluster as it is.
 */
export class Cluster extends pulumi.ComponentResource {
  /** For everything that goes into the cluster. */
  public readonly provider: k8s.Provider;
  /** Administrator's kubeconfig. Secret; for the provider only. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** Known once the node runs this version. */
  public readonly version: pulumi.Output<string>;

  constructor(name: string, args: ClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    const spec = specOf(args);
    checkClusterSpec(spec);
    super("platform:cluster:Cluster", name, { ...spec }, opts);

    const artifacts = createUpload(this, name, args, spec);
    const install = createInstall(this, name, args, spec, artifacts);
    const read = remoteScript(
      `${name}-kubeconfig`,
      {
        connection: args.connection,
        script: renderReadKubeconfig(spec.prefix, spec.generation),
        timeoutSeconds: 60,
      },
      { parent: this, dependsOn: [install.resource] },
    );

    this.kubeconfig = pulumi.secret(
      read.output().apply((raw) => renderKubeconfig(raw, spec.apiAddress, spec.identifier)),
    );
    this.version = install.done.apply(() => spec.version);
    this.provider = clusterProvider(
      `${name}-k8s`,
      {
        kubeconfig: this.kubeconfig,
        identifier: spec.identifier,
        adoptExisting: args.adoptExisting ?? false,
      },
      { parent: this },
    );
    this.registerOutputs({ version: this.version });
  }
}

const createUpload = (parent: Cluster, name: string, args: ClusterArgs, spec: ClusterSpec) =>
  spec.artifacts.source === "directory"
    ? upload(
        `${name}-artifacts`,
        { connection: args.connection, directory: spec.artifacts.path, remotePath: uploadPath(spec) },
        { parent, dependsOn: [args.host.staging] },
      )
    : undefined;

const createInstall = (
  parent: Cluster,
  name: string,
  args: ClusterArgs,
  spec: ClusterSpec,
  artifacts: pulumi.Resource | undefined,
) => {
  const script = pulumi
    .all([args.token, args.agentToken, args.registry?.password])
    .apply(([token, agentToken, registryPassword]) =>
      renderInstall(spec, { token, agentToken, registryPassword }, "apply"),
    );
  return remoteScript(
    `${name}-install`,
    { connection: args.connection, script, timeoutSeconds: installTimeoutSeconds },
    { parent, dependsOn: [args.host.ready, ...(artifacts === undefined ? [] : [artifacts])] },
  );
};
