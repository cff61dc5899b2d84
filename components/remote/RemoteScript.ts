import * as pulumi from "@pulumi/pulumi";
import { remote } from "@pulumi/command";
import type { SshConnection } from "./connection.ts";
import { exitCodes, lastLine, outputOf } from "./script.ts";

export interface RemoteScriptArgs {
  readonly connection: SshConnection;
  /** From `renderScript`. Treated as secret as a whole. */
  readonly script: pulumi.Input<string>;
  /** The host ends the script after this time. */
  readonly timeoutSeconds: number;
}

export interface RemoteScript {
  readonly resource: remote.Command;
  /** Public; known once the script has run to its end. */
  readonly done: pulumi.Output<true>;
  /** What the script printed, for the few whose output matters. Secret. */
  readonly output: () => pulumi.Output<string>;
}

// A clean environment: what the login shell exports (K3S_…, proxies, LD_…) must not steer the script. With no SHLVL, a
// bash whose stdin is a socket takes itself for a login over the network and reads bashrc.
const cleanEnvironment =
  "env -i SHLVL=1 HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The constant command that reads a script from stdin and runs it: all of it or, when the link was cut on the way,
 * nothing. A script that ends early with status 0 is a failure too.
 */
export const loader = (user: string, timeoutSeconds: number): string => {
  const cut = `echo "the script was cut on its way, nothing was run" >&2; exit ${String(exitCodes.cut)}`;
  const run = `script=$(cat); case $script in *"${lastLine}") eval "$script";; *) ${cut};; esac`;
  const sudo = user === "root" ? "" : "sudo -n ";
  return `${sudo}timeout -k 10 ${String(timeoutSeconds)} ${cleanEnvironment} bash -euo pipefail -c '${run}'`;
};

// On top of the script's own time: dialling, and the ten seconds until the host kills what does not end.
const slackSeconds = 180;

/**
 * One idempotent script on the host. Creates one `remote.Command`; holds no state but what the script printed.
 *
 * The script travels on stdin, so an edit is an update in place, a preview shows no content and no error can print it.
 * There are no triggers and there is no delete: replacing or removing this resource never undoes work on a host.
 */
export const remoteScript = (
  name: string,
  args: RemoteScriptArgs,
  opts: {
    readonly parent: pulumi.Resource;
    readonly dependsOn?: pulumi.Input<pulumi.Input<pulumi.Resource>[]>;
  },
): RemoteScript => {
  const limit = `${String(args.timeoutSeconds + slackSeconds)}s`;
  const resource = new remote.Command(
    name,
    {
      connection: args.connection.connection,
      create: loader(args.connection.user, args.timeoutSeconds),
      stdin: pulumi.secret(args.script),
      logging: remote.Logging.None,
      addPreviousOutputInEnv: false,
    },
    {
      parent: opts.parent,
      ...(opts.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn }),
      additionalSecretOutputs: ["stdout", "stderr"],
      customTimeouts: { create: limit, update: limit },
    },
  );
  return {
    resource,
    done: resource.id.apply(() => true as const),
    output: () => pulumi.secret(resource.stdout.apply((stdout) => outputOf(stdout, name))),
  };
};
