import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loader } from "../../../components/remote/RemoteScript.ts";

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Commands that would reach out of the sandbox. Each only writes down that it was called, unless a test says more. */
const harmless = [
  "apt-get",
  "chown",
  "chronyc",
  "cloud-init",
  "curl",
  "dpkg",
  "free",
  "hostname",
  "journalctl",
  "modprobe",
  "sleep",
  "swapoff",
  "swapon",
  "sync",
  "sysctl",
  "systemctl",
  "timedatectl",
];

/**
 * A directory that plays a host: scripts run in it for real, with their absolute paths moved below it and with stub
 * commands in front. It cannot show what a real systemd, apt or kernel does.
 */
export class Sandbox {
  readonly directory = mkdtempSync(join(tmpdir(), "host-"));
  readonly root = join(this.directory, "root");
  readonly #bin = join(this.directory, "bin");

  constructor() {
    mkdirSync(this.#bin);
    for (const command of harmless) this.stub(command, "");
    this.reset();
  }

  /** A bare host again, with the same stubs. */
  reset(): void {
    rmSync(this.root, { recursive: true, force: true });
    for (const path of ["/etc", "/run/lock", "/var/lib", "/usr/local/bin", "/proc/sys", "/srv"])
      this.mkdir(path);
  }

  /** Replaces a command. The body is bash; `$ROOT` is the host's root directory. */
  stub(command: string, body: string): void {
    const file = join(this.#bin, command);
    const log = join(this.directory, "calls");
    writeFileSync(
      file,
      `#!/bin/bash\nROOT='${this.root}'\nprintf '%s\\n' "${command} $*" >>'${log}'\n${this.#moved(body)}\n`,
    );
    chmodSync(file, 0o755);
  }

  mkdir(path: string): void {
    mkdirSync(join(this.root, path), { recursive: true });
  }

  write(path: string, content: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  /** Calls of stubs since the last look. */
  calls(): readonly string[] {
    const log = join(this.directory, "calls");
    if (!existsSync(log)) return [];
    const lines = readFileSync(log, "utf8").trim().split("\n");
    rmSync(log);
    return lines;
  }

  /** Sends a script through the real loader, as sshd would. Variables are for stubs. */
  run(script: string, variables: Readonly<Record<string, string>> = {}): Run {
    const exports = Object.entries(variables).map(([name, value]) => `${name}=${value} `);
    const command = loader("root", 60)
      .replace(/PATH=\S+/, `PATH=${this.#bin}:/usr/sbin:/usr/bin:/sbin:/bin ${exports.join("")}`)
      .replace("bash -euo pipefail -c '", () => "bash -euo pipefail -c 'export MAIN=$$; ");
    const result = spawnSync("bash", ["-c", command], { input: this.#moved(script), encoding: "utf8" });
    return {
      code: result.status,
      stdout: result.stdout.replaceAll(this.root, ""),
      stderr: result.stderr.replaceAll(this.root, ""),
    };
  }

  destroy(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #moved(script: string): string {
    return script.replace(/(?<![\w./}])\/(?=(etc|var|usr\/local|run|srv|proc|sys)\b)/g, `${this.root}/`);
  }
}
