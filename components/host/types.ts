/** What the phases need to know about a host. Plain values, so every phase is a pure function of them. */
export interface HostSpec {
  /** The stack's own prefix: names files, lock and state directory. */
  readonly prefix: string;
  /** Login user of the connection; owns the upload directory. */
  readonly user: string;
  readonly hostname: string;
  /** `skip` where something else keeps the time; nothing is written then. */
  readonly timeSync: "chrony" | "skip";
  readonly swap: "off" | "keep";
  /** The kubelet refuses cgroup v1 unless it is told otherwise. */
  readonly cgroupV1: "refuse" | "accept";
  /** Absolute path, outside of /var/lib/rancher. Holds volumes; never touched by an uninstall. */
  readonly dataDirectory: string;
  /** Decides which kernel modules must be there. */
  readonly flannelBackend: "wireguard-native" | "vxlan" | "host-gw";
  /** The declared plan; the host must have it, with tolerance. */
  readonly minimum: { readonly cpus: number; readonly memoryMiB: number; readonly diskGiB: number };
  /** Raise after the host was rebuilt: all steps run again. */
  readonly generation: number;
}

/** Kernel modules by flannel backend. */
export const kernelModules = (backend: HostSpec["flannelBackend"]): readonly string[] => [
  "overlay",
  "br_netfilter",
  ...{ "wireguard-native": ["wireguard"], vxlan: ["vxlan"], "host-gw": [] }[backend],
];

/** Throws on values that no phase could work with; one message per setting. */
export const checkHostSpec = (spec: HostSpec): void => {
  const problems: string[] = [];
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
  if (!/^[a-z][a-z0-9-]{0,14}[a-z0-9]$/.test(spec.prefix)) {
    problems.push(
      `prefix: "${spec.prefix}"; use 2 to 16 lower-case letters, digits and dashes, a letter first`,
    );
  }
  if (!spec.hostname.split(".").every((part) => label.test(part)) || spec.hostname.length > 63) {
    problems.push(
      `host.hostname: "${spec.hostname}" is not a host name; use lower-case letters, digits and dashes`,
    );
  }
  const taken = ["/var/lib/rancher", "/etc", "/run", "/tmp", "/var/tmp", "/usr", "/proc", "/sys", "/dev"];
  const path = spec.dataDirectory;
  if (!/^(\/[A-Za-z0-9._-]+)+$/.test(path) || path.split("/").includes("..")) {
    problems.push(`host.dataDirectory: "${path}"; use an absolute path of letters, digits, dots and dashes`);
  } else if (
    taken.some((t) => path === t || path.startsWith(`${t}/`)) ||
    path === `/var/lib/${spec.prefix}`
  ) {
    problems.push(
      `host.dataDirectory: "${path}" belongs to the system or to k3s; use a path like /srv/${spec.prefix}`,
    );
  }
  if (!Number.isInteger(spec.generation) || spec.generation < 0) {
    problems.push(
      `host.generation: ${String(spec.generation)}; use 0 or more, and raise it by one after a rebuild`,
    );
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
};
