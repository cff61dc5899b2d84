import { renderScript, shellPart } from "../remote/index.ts";
import type { Mode, RemoteFile } from "../remote/index.ts";
import type { HostSpec } from "./types.ts";

/** Seconds until an unsynchronized clock fails the run. A first synchronization takes up to a minute. */
const timeDeadlineSeconds = 180;

/** Packages of Debian and Ubuntu that later steps call, or that pods need. */
export const basePackages = (spec: HostSpec): readonly string[] => [
  // containerd loads its profile with apparmor_parser wherever the kernel has AppArmor on
  "apparmor",
  "ca-certificates",
  "curl",
  "iptables",
  "kmod",
  "nftables",
  "openssl",
  "procps",
  "unattended-upgrades",
  ...(spec.timeSync === "chrony" ? ["chrony"] : []),
];

/** Files of the base phase. */
export const baseFiles = (spec: HostSpec): readonly RemoteFile[] => [
  {
    path: "/etc/needrestart/conf.d/50-k3s.conf",
    mode: "644",
    // needrestart, where installed, would restart services by itself in the middle of an upgrade.
    content: "$nrconf{override_rc}{qr(^(k3s|ssh))} = 0;\n",
  },
  {
    path: `/etc/apt/apt.conf.d/52${spec.prefix}-upgrades`,
    mode: "644",
    content: [
      'APT::Periodic::Update-Package-Lists "1";',
      'APT::Periodic::Unattended-Upgrade "1";',
      "// Security fixes install by themselves. The time of a reboot is for people to choose.",
      'Unattended-Upgrade::Automatic-Reboot "false";',
      "",
    ].join("\n"),
  },
];

/** Keeps cloud-init from renaming the host at its next boot. Written only where cloud-init is. */
const cloudInitFile = (spec: HostSpec): RemoteFile => ({
  path: `/etc/cloud/cloud.cfg.d/99-${spec.prefix}.cfg`,
  mode: "644",
  content: "preserve_hostname: true\nmanage_etc_hosts: false\n",
});

/** Packages, time, swap and host name. */
export const renderBase = (spec: HostSpec, mode: Mode): string =>
  renderScript({
    phase: "base",
    prefix: spec.prefix,
    mode,
    exclusive: true,
    values: {
      GENERATION: spec.generation,
      PACKAGES: basePackages(spec),
      TIME_SYNC: spec.timeSync,
      TIME_DEADLINE: timeDeadlineSeconds,
      SWAP: spec.swap,
      HOSTNAME_WANTED: spec.hostname,
    },
    files: { base_files: baseFiles(spec), keep_name_from_cloud_init: [cloudInitFile(spec)] },
    parts: [shellPart(import.meta.url, "packages.sh"), shellPart(import.meta.url, "system.sh")],
    steps: ["base_files", "ensure_packages", "ensure_name", "ensure_swap", "ensure_time"],
  });
