import * as pulumi from "@pulumi/pulumi";
import { remoteScript } from "../remote/index.ts";
import type { RemoteScript, SshConnection } from "../remote/index.ts";
import { renderBase } from "./base.ts";
import { renderDirectories } from "./directories.ts";
import { renderKernel } from "./kernel.ts";
import { renderPreflight } from "./preflight.ts";
import { checkHostSpec } from "./types.ts";
import type { HostSpec } from "./types.ts";

export interface HostArgs extends Omit<HostSpec, "user"> {
  /** From `sshConnection`. */
  readonly connection: SshConnection;
}

/**
 * Prepares the operating system of one machine for k3s: checks it, installs packages, sets time, swap, name, kernel
 * modules and settings, and makes the data directory. Does not install k3s, a firewall or an sshd configuration.
 *
 * State: none here; the machine holds all of it. Restore: raise `generation` and run again, every script works from any
 * half-finished state. Removing the component leaves the machine as it is.
 */
export class Host extends pulumi.ComponentResource {
  /** Known once the machine is ready for k3s. */
  public readonly ready: pulumi.Output<string>;
  /** Done once files can be uploaded, while packages are still being installed. */
  public readonly staging: pulumi.Resource;

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    const { connection, ...rest } = args;
    const spec: HostSpec = { ...rest, user: connection.user };
    checkHostSpec(spec);
    // The connection is secret and belongs in the commands only, so it is not recorded here.
    super("platform:host:Host", name, rest, opts);

    const step = (role: string, script: string, timeoutSeconds: number, after?: RemoteScript): RemoteScript =>
      remoteScript(
        `${name}-${role}`,
        { connection, script, timeoutSeconds },
        { parent: this, ...(after === undefined ? {} : { dependsOn: [after.resource] }) },
      );

    const preflight = step("preflight", renderPreflight(spec), 120);
    const directories = step("directories", renderDirectories(spec, "apply"), 120, preflight);
    const base = step("base", renderBase(spec, "apply"), 2400, directories);
    const kernel = step("kernel", renderKernel(spec, "apply"), 480, base);

    this.staging = directories.resource;
    this.ready = kernel.done.apply(() => `${spec.hostname} generation ${String(spec.generation)}`);
    this.registerOutputs({ ready: this.ready });
  }
}
