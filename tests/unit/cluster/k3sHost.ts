import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { renderInstall } from "../../../components/cluster/install.ts";
import type { Mode } from "../../../components/remote/index.ts";
import type { Run } from "../remote/sandbox.ts";
import { Sandbox } from "../remote/sandbox.ts";
import { clusterSecrets, clusterSpec } from "./spec.ts";

export const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");

/**
 * Plays k3s: answers when the unit is active, with the version that the link names. A line with BROKEN in its
 * configuration makes it die on each start.
 */
const k3sBinary = (version: string): string => `#!/bin/bash
# k3s ${version}
printf '%s\\n' "k3s $*" >>"$0.calls"
exec k3s-stub "$@"
`;

const k3sStub = `
up() { [ "$(cat "$ROOT/state/k3s" 2>/dev/null)" = active ]; }
case "$*" in
  *readyz*) if [ "$DIE_AT" = readyz ]; then kill -9 "$MAIN"; fi; up && printf ok ;;
  *"get node"*) up && printf '%s True' "$(readlink "$ROOT/usr/local/bin/k3s" | cut -c 5-)" ;;
  *"get deployment"*) up && printf 'True True True ' ;;
  *serviceaccount*) up ;;
esac
`;

const systemctlStub = `
state="$ROOT/state"
case "$*" in
  daemon-reload) if [ "$DIE_AT" = reload ]; then kill -9 "$MAIN"; fi ;;
  "restart --no-block k3s")
    if [ "$DIE_AT" = restart ]; then kill -9 "$MAIN"; fi
    mkdir -p "$ROOT/var/lib/rancher/k3s/server/db/etcd"
    printf 'K10abc::server:%s\\n' "$(sed -n 's/^token: //p' "$ROOT/etc/rancher/k3s/config.yaml")" >"$ROOT/var/lib/rancher/k3s/server/token"
    if grep -q BROKEN "$ROOT/etc/rancher/k3s/config.yaml"; then echo activating >"$state/k3s"; else echo active >"$state/k3s"; fi ;;
  "-q is-active k3s") [ "$(cat "$state/k3s" 2>/dev/null)" = active ] ;;
  "show -p NRestarts --value k3s") if [ "$(cat "$state/k3s")" = activating ]; then echo 3; else echo 0; fi ;;
  "-q enable --now "*) touch "$state/timer" ;;
  "-q is-enabled "*timer | "-q is-active "*timer) [ -e "$state/timer" ] ;;
esac
`;

/** Makes `to` what `from` is, with modes, times and links. */
const copy = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true });
  const { status, stderr } = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
};

export interface Upload {
  readonly version?: string;
  readonly images?: Readonly<Record<string, string>>;
}

/** A prepared host, and an artifacts directory as the upload leaves it. */
export class K3sHost extends Sandbox {
  manifestSha256 = "";

  constructor() {
    super();
    this.stub("uname", "echo x86_64");
    this.stub("ip", "echo inet 192.0.2.1/24");
    this.stub("ss", "");
    this.stub("systemctl", systemctlStub);
    this.stub("k3s-stub", k3sStub);
    this.stub("curl", "printf ok");
    this.stub("journalctl", "echo 'token is CANARY_TOKEN_0123456789abcdef, bad flag'");
  }

  override reset(): void {
    super.reset();
    this.mkdir("/state");
    this.mkdir("/var/lib/hc-test/upload");
  }

  /** Files below the upload directory; `nested` as a provider that puts the directory into the target. */
  upload({ version = "v1.36.5+k3s1", images = { "system.tar": "images" } }: Upload = {}, nested = ""): void {
    const files = [
      { name: "k3s", kind: "binary", content: k3sBinary(version) },
      ...Object.entries(images).map(([name, content]) => ({ name, kind: "images", content })),
    ];
    const manifest = JSON.stringify({
      k3sVersion: version,
      architecture: "amd64",
      files: files.map(({ name, kind, content }) => ({
        name,
        kind,
        sha256: sha256(content),
        sizeBytes: content.length,
      })),
    });
    this.manifestSha256 = sha256(manifest);
    const directory = `/var/lib/hc-test/upload/1${nested}`;
    this.write(`${directory}/manifest.json`, manifest);
    for (const { name, content } of files) this.write(`${directory}/${name}`, content);
  }

  script(
    changes: Parameters<typeof clusterSpec>[0] = {},
    mode: Mode = "apply",
    secrets = clusterSecrets,
  ): string {
    const artifacts = { source: "directory", path: "a", manifestSha256: this.manifestSha256 } as const;
    return renderInstall(clusterSpec({ artifacts, ...changes }), secrets, mode).replace(
      /(START|ADDON)_SECONDS='\d+'/g,
      "$1_SECONDS='2'",
    );
  }

  install(
    changes: Parameters<typeof clusterSpec>[0] = {},
    variables: Readonly<Record<string, string>> = {},
  ): Run {
    return this.run(this.script(changes), { DIE_AT: "never", ...variables });
  }

  /** The host as the plain installation leaves it: installed for real the first time, copied back after that. */
  installed(): void {
    const kept = join(this.directory, "installed");
    if (existsSync(kept)) {
      copy(kept, this.root);
      return;
    }
    const { code, stderr } = this.install();
    if (code !== 0) throw new Error(`the plain installation ended with ${String(code)}: ${stderr}`);
    copy(this.root, kept);
  }

  starts(): number {
    return this.calls().filter((call) => call === "systemctl restart --no-block k3s").length;
  }
}
