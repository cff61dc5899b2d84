import * as pulumi from "@pulumi/pulumi";
import type { types } from "@pulumi/command";

export interface SshConnectionArgs {
  /** IP address or name of the host. */
  readonly address: string;
  /** @default 22 */
  readonly port?: number;
  /** Login user: root, or a user with passwordless sudo. */
  readonly user: string;
  /** Pinned host key, `ssh-ed25519 AAAA…`. Other key types are refused, see `checkHostKey`. */
  readonly hostKey: string;
  /** Private key in OpenSSH or PEM form. Left out: the SSH agent of the operator answers. */
  readonly privateKey?: pulumi.Input<string> | undefined;
}

/** How to reach a host. Opaque to its users. */
export interface SshConnection {
  readonly user: string;
  /** Secret. Holds only fields that the provider knows: it once printed a private key from an unknown one. */
  readonly connection: pulumi.Output<types.input.remote.ConnectionArgs>;
}

/** Seconds for one dial, and how many dials may fail: a host that stays silent fails the run after two minutes. */
const perDialTimeoutSeconds = 15;
const dialErrorLimit = 8;

/** Without a pin the provider accepts any key; with an `ssh-rsa` pin it asks for SHA-1 signatures, which OpenSSH refuses. */
const checkHostKey = (hostKey: string): string => {
  const match = /^ssh-ed25519 (AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43}=?)(?: .*)?$/.exec(hostKey.trim());
  if (match?.[1] === undefined) {
    throw new Error(
      `host.hostKey: expected "ssh-ed25519 AAAA…", saw "${hostKey.slice(0, 24)}…"; ` +
        "read /etc/ssh/ssh_host_ed25519_key.pub on the provider's console",
    );
  }
  return `ssh-ed25519 ${match[1]}`;
};

/** Builds the connection from known fields only, with bounded dialling. Pure but for the Output it wraps. */
export const sshConnection = (args: SshConnectionArgs): SshConnection => {
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(args.user)) {
    throw new Error(`host.user: "${args.user}" is not a Linux user name`);
  }
  const fields: types.input.remote.ConnectionArgs = {
    host: args.address,
    port: args.port ?? 22,
    user: args.user,
    hostKey: checkHostKey(args.hostKey),
    perDialTimeout: perDialTimeoutSeconds,
    dialErrorLimit,
    ...(args.privateKey === undefined ? {} : { privateKey: args.privateKey }),
  };
  return { user: args.user, connection: pulumi.secret(fields) };
};
