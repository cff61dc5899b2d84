import { renderScript, shellPart } from "../remote/index.ts";
import { kernelModules } from "./types.ts";
import type { HostSpec } from "./types.ts";

/** Read-only look at the whole host: lists every reason why it is not fit, each with its setting. */
export const renderPreflight = (spec: HostSpec): string =>
  renderScript({
    phase: "preflight",
    prefix: spec.prefix,
    mode: "apply",
    exclusive: false,
    values: {
      GENERATION: spec.generation,
      MIN_CPUS: spec.minimum.cpus,
      MIN_MEMORY_MIB: spec.minimum.memoryMiB,
      MIN_DISK_GIB: spec.minimum.diskGiB,
      CGROUP_V1: spec.cgroupV1,
      DATA_DIRECTORY: spec.dataDirectory,
      MODULES: kernelModules(spec.flannelBackend),
    },
    parts: [shellPart(import.meta.url, "preflight.sh")],
    steps: [
      "check_system",
      "check_size",
      "check_filesystems",
      "check_kernel",
      "check_ports",
      "check_rivals",
      "check_clock",
      "tell_problems 10",
      "log 'the host is fit for k3s'",
    ],
  });
