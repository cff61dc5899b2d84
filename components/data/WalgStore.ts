import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { storeFiles } from "./walgEnv.ts";

export interface WalgStoreArgs {
  readonly namespace: pulumi.Input<string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly accessKeyId: pulumi.Output<string>;
  readonly secretAccessKey: pulumi.Output<string>;
  /** 64 hex characters. */
  readonly encryptionKey: pulumi.Output<string>;
  /** PEM. Undefined: a public CA signs for the store. */
  readonly caCertificate: string | undefined;
}

/**
 * Creates the Secret with which one namespace reaches the backups: the store's credentials in the format of the AWS
 * tools, and the key of the backups. Pods mount it as files.
 * State: the key of all backups, which is config; restore: any `up`.
 */
export class WalgStore extends pulumi.ComponentResource {
  public readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: WalgStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:WalgStore", name, {}, opts);
    const secret = new k8s.core.v1.Secret(
      `${name}-secret`,
      {
        metadata: { name: storeFiles.secretName, namespace: args.namespace, labels: { ...args.labels } },
        stringData: {
          [storeFiles.credentials]: pulumi.interpolate`[default]\naws_access_key_id = ${args.accessKeyId}\naws_secret_access_key = ${args.secretAccessKey}\n`,
          [storeFiles.encryptionKey]: args.encryptionKey,
          ...(args.caCertificate === undefined ? {} : { [storeFiles.ca]: args.caCertificate }),
        },
      },
      { parent: this },
    );
    this.secretName = secret.metadata.name;
    this.registerOutputs({ secretName: this.secretName });
  }
}
