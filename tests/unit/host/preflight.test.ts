import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderPreflight } from "../../../components/host/preflight.ts";
import { endMarker } from "../../../components/remote/index.ts";
import { Sandbox } from "../remote/sandbox.ts";
import { hostSpec } from "./spec.ts";

let host: Sandbox;

/** A host that passes: each test spoils one thing. */
beforeEach(() => {
  host = new Sandbox();
  host.write("/etc/os-release", 'ID=debian\nVERSION_ID="13"\n');
  host.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  host.mkdir("/run/systemd/system");
  host.write("/proc/meminfo", "MemTotal:        8145000 kB\n");
  host.write("/proc/filesystems", "nodev\toverlay\n");
  host.mkdir("/sys/module/wireguard");
  host.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n");
  host.stub("uname", "echo x86_64");
  host.stub("id", "echo 0");
  host.stub("nproc", "echo 4");
  host.stub("df", "echo '1M-blocks Avail'; echo '102400 90000'");
  host.stub("findmnt", 'case "$2" in FSTYPE) echo ext4;; *) echo rw,relatime;; esac');
  host.stub("stat", 'if [ "$1" = -fc ]; then echo cgroup2fs; else exec /usr/bin/stat "$@"; fi');
  host.stub("modprobe", "exit 1");
  host.stub("ss", "");
  host.stub("systemctl", "echo inactive");
});
afterEach(() => {
  host.destroy();
});

const problems = (changes: Parameters<typeof hostSpec>[0] = {}): readonly string[] => {
  const { code, stdout, stderr } = host.run(renderPreflight(hostSpec(changes)));
  if (code === 0) {
    expect(stdout).toBe(`[preflight] the host is fit for k3s\n${endMarker}\n`);
    return [];
  }
  expect(code).toBe(10);
  expect(stdout).toBe("");
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("  - "))
    .map((line) => line.slice(4));
};

it.each([
  ["debian", "12"],
  ["debian", "13"],
  ["ubuntu", "24.04"],
])("%s %s is fit", (id, version) => {
  host.write("/etc/os-release", `ID=${id}\nVERSION_ID="${version}"\n`);
  expect(problems()).toEqual([]);
});

const spoiled: readonly (readonly [what: string, spoil: () => void, problem: RegExp])[] = [
  [
    "system",
    () => host.write("/etc/os-release", "ID=fedora\nVERSION_ID=42\n"),
    /^host.address: .*"fedora 42"; supported/,
  ],
  ["architecture", () => host.stub("uname", "echo riscv64"), /^cluster.architecture: the host is riscv64/],
  [
    "root",
    () => host.stub("id", 'if [ "$1" = -u ]; then echo 1000; else echo deploy; fi'),
    /^host.user: .* deploy/,
  ],
  ["init", () => host.remove("/run/systemd"), /^host.address: systemd does not run/],
  [
    "machine-id",
    () => host.write("/etc/machine-id", "uninitialized\n"),
    /^host.address: .*machine-id is empty/,
  ],
  ["CPUs", () => host.stub("nproc", "echo 3"), /^vps.cpus: declared 4, the host has 3/],
  [
    "memory",
    () => host.write("/proc/meminfo", "MemTotal: 4000000 kB\n"),
    /^vps.memoryMiB: declared 8192, the host has 3906/,
  ],
  ["disk", () => host.stub("df", "echo; echo '51200 40000'"), /^vps.diskGiB: declared 100, .* has 50 GiB/],
  ["free space", () => host.stub("df", "echo; echo '102400 100'"), /^vps.diskGiB: 100 MiB are free/],
  ["overlay", () => host.write("/proc/filesystems", "ext4\n"), /no overlay filesystem/],
  ["bridge filter", () => host.remove("/proc/sys/net"), /no br_netfilter/],
  [
    "wireguard",
    () => host.remove("/sys/module/wireguard"),
    /^cluster.flannelBackend: the kernel has no wireguard/,
  ],
  ["ufw", () => host.write("/etc/ufw/ufw.conf", "ENABLED=yes\n"), /^host.address: ufw is on/],
  [
    "another k3s",
    () => host.write("/etc/systemd/system/k3s.service", "[Unit]\n"),
    /^prefix: the host has a k3s/,
  ],
  ["an agent", () => host.write("/etc/systemd/system/k3s-agent.service", ""), /k3s agent of another cluster/],
  [
    "another cluster's data",
    () => host.mkdir("/var/lib/rancher/k3s/server/db"),
    /^prefix: .* holds a cluster/,
  ],
  ["clock", () => host.stub("date", "echo 1970"), /^host.timeSync: the clock says 1970/],
];

describe("one thing wrong is one problem, with its setting", () => {
  it.each(spoiled)("%s", (_, spoil, problem) => {
    spoil();
    const found = problems();
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(problem);
  });

  it("cgroup v1, unless it is accepted", () => {
    host.stub("stat", 'if [ "$1" = -fc ]; then echo tmpfs; else exec /usr/bin/stat "$@"; fi');
    expect(problems()).toEqual([expect.stringMatching(/^host.cgroupV1: .* is tmpfs/)]);
    expect(problems({ cgroupV1: "accept" })).toEqual([]);
  });

  it("a noexec filesystem below k3s' programs", () => {
    host.stub(
      "findmnt",
      'case "$2" in FSTYPE) echo ext4;; *) case "$4" in */var/lib) echo rw,noexec;; *) echo rw;; esac;; esac',
    );
    expect(problems()).toEqual([
      expect.stringMatching(/^host.address: \/var\/lib\/rancher is mounted noexec/),
    ]);
  });

  it("volumes in memory", () => {
    host.stub("findmnt", 'case "$2" in FSTYPE) echo tmpfs;; *) echo rw;; esac');
    expect(problems()).toEqual([expect.stringMatching(/^host.dataDirectory: .* is in memory/)]);
  });

  it("a taken port names the program; k3s' own ports do not count once k3s is ours", () => {
    host.stub(
      "ss",
      'case "$*" in *:6443*|*:443*) echo "LISTEN 0 1 *:1 *:* users:((\\"nginx\\",pid=1,fd=3))";; esac',
    );
    expect(problems()).toEqual([
      expect.stringMatching(/^host.address: port 6443 is in use by nginx/),
      expect.stringMatching(/^host.address: port 443 is in use by nginx/),
    ]);
    host.write("/etc/systemd/system/k3s.service", "# Managed by stack prefix hc-test\n[Unit]\n");
    expect(problems()).toEqual([expect.stringMatching(/^host.address: port 443 /)]);
  });

  it("another stack's k3s", () => {
    host.write("/etc/systemd/system/k3s.service", "# Managed by stack prefix hc-other\n[Unit]\n");
    expect(problems()).toEqual([expect.stringMatching(/prefix "hc-test" did not install/)]);
  });
});

it("reports everything at once and touches nothing", () => {
  for (const [, spoil] of spoiled) spoil();
  // free space and disk spoil the same answer
  expect(problems()).toHaveLength(spoiled.length - 1);
  const changing = /^(apt-get|chown|modprobe (?!-n)|swapoff|sysctl|systemctl (?!is-active))/;
  expect(host.calls().filter((call) => changing.test(call))).toEqual([]);
  expect(host.has("/var/lib/hc-test")).toBe(false);
});

it("takes a module that can be loaded for one that is there", () => {
  host.remove("/sys/module/wireguard");
  host.stub("modprobe", '[ "$*" = "-n -q wireguard" ]');
  expect(problems()).toEqual([]);
});
