import * as pulumi from "@pulumi/pulumi";
import { remote } from "@pulumi/command";
import type { SshConnection } from "./connection.ts";

export interface UploadArgs {
  readonly connection: SshConnection;
  /** Directory on the operator's machine. */
  readonly directory: string;
  /** Existing directory on the host that the login user may write. */
  readonly remotePath: string;
  /** @default 3600 */
  readonly timeoutSeconds?: number;
}

/**
 * Copies a directory of large public files to a staging directory on the host over SFTP. Nothing is trusted there: SFTP
 * sets no owner or mode, so the script that follows verifies each digest before it uses a file. No triggers, no delete.
 */
export const upload = (
  name: string,
  args: UploadArgs,
  opts: {
    readonly parent: pulumi.Resource;
    readonly dependsOn?: pulumi.Input<pulumi.Input<pulumi.Resource>[]>;
  },
): remote.CopyToRemote => {
  const limit = `${String(args.timeoutSeconds ?? 3600)}s`;
  return new remote.CopyToRemote(
    name,
    {
      connection: args.connection.connection,
      source: new pulumi.asset.FileArchive(args.directory),
      remotePath: args.remotePath,
    },
    {
      parent: opts.parent,
      ...(opts.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn }),
      customTimeouts: { create: limit, update: limit },
    },
  );
};
