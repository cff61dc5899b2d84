import type { HostSpec } from "../../../components/host/index.ts";

/** A host as production declares it. */
export const hostSpec = (changes: Partial<HostSpec> = {}): HostSpec => ({
  prefix: "hc-test",
  user: "root",
  hostname: "vps-1",
  timeSync: "chrony",
  swap: "off",
  cgroupV1: "refuse",
  dataDirectory: "/srv/hc-test",
  flannelBackend: "wireguard-native",
  minimum: { cpus: 4, memoryMiB: 8192, diskGiB: 100 },
  generation: 1,
  ...changes,
});

/** Every combination of the settings that change a script. */
export const hostMatrix: readonly HostSpec[] = (["chrony", "skip"] as const).flatMap((timeSync) =>
  (["off", "keep"] as const).flatMap((swap) =>
    (["refuse", "accept"] as const).flatMap((cgroupV1) =>
      (["wireguard-native", "vxlan", "host-gw"] as const).map((flannelBackend) =>
        hostSpec({ timeSync, swap, cgroupV1, flannelBackend }),
      ),
    ),
  ),
);
