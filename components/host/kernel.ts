import { renderScript, shellPart } from "../remote/index.ts";
import type { Mode, RemoteFile } from "../remote/index.ts";
import { kernelModules } from "./types.ts";
import type { HostSpec } from "./types.ts";

/** What the kubelet demands under protect-kernel-defaults, and what pods and many file watchers need. */
export const kernelSettings: readonly string[] = [
  "vm.panic_on_oom=0",
  "vm.overcommit_memory=1",
  "kernel.panic=10",
  "kernel.panic_on_oops=1",
  "kernel.keys.root_maxkeys=1000000",
  "kernel.keys.root_maxbytes=25000000",
  "net.ipv4.ip_forward=1",
  "net.bridge.bridge-nf-call-iptables=1",
  "fs.inotify.max_user_instances=8192",
  "fs.inotify.max_user_watches=524288",
];

const lines = (values: readonly string[]): string => `${values.join("\n")}\n`;

/** Files of the kernel phase: they hold after a reboot what the script sets now. */
export const kernelFiles = (spec: HostSpec): readonly RemoteFile[] => [
  {
    path: `/etc/modules-load.d/${spec.prefix}.conf`,
    mode: "644",
    content: lines(kernelModules(spec.flannelBackend)),
  },
  { path: "/etc/sysctl.d/90-kubelet.conf", mode: "644", content: lines(kernelSettings) },
];

/** Kernel modules and settings. */
export const renderKernel = (spec: HostSpec, mode: Mode): string =>
  renderScript({
    phase: "kernel",
    prefix: spec.prefix,
    mode,
    exclusive: true,
    values: {
      GENERATION: spec.generation,
      MODULES: kernelModules(spec.flannelBackend),
      SETTINGS: kernelSettings,
    },
    files: { kernel_files: kernelFiles(spec) },
    parts: [shellPart(import.meta.url, "kernel.sh")],
    steps: ["ensure_kernel"],
  });
