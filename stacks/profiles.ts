/** The four sizes: which parts run, how many of each, and how much they ask for. Plain data. */

import type { Size } from "../components/workload/resources.ts";
import type { ProfileName, Settings } from "./config/types.ts";

/** Thousandths of a CPU and MiB of memory. */
export interface Amount {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
}

export interface Part {
  readonly replicas: number;
  readonly size: Size;
}

export interface Profile {
  readonly postgres: Part;
  readonly api: Part;
  readonly worker: Part;
  /** One per node. */
  readonly traefik: Part;
  /** Runs before a new version of the API and ends. */
  readonly migration: Part;
  /** What k3s with etcd takes; not a pod, so no request stands for it. */
  readonly k3s: Amount;
  readonly system: Amount;
}

const part = (replicas: number, cpuMillis: number, memoryMiB: number, limits: Partial<Size> = {}): Part => ({
  replicas,
  size: { cpuMillis, memoryMiB, ...limits },
});

export const profiles = {
  // 2 CPU, 4 GB: local runs and tests
  tiny: {
    postgres: part(1, 250, 512),
    api: part(1, 150, 256, { memoryLimitMiB: 384 }),
    worker: part(1, 100, 192, { memoryLimitMiB: 384 }),
    traefik: part(1, 50, 96, { memoryLimitMiB: 192 }),
    migration: part(1, 100, 256),
    k3s: { cpuMillis: 250, memoryMiB: 1024 },
    system: { cpuMillis: 100, memoryMiB: 384 },
  },
  // 8 GB
  small: {
    postgres: part(1, 500, 1024),
    api: part(1, 250, 512, { memoryLimitMiB: 768 }),
    worker: part(1, 250, 512, { memoryLimitMiB: 768 }),
    traefik: part(1, 100, 96, { memoryLimitMiB: 256 }),
    migration: part(1, 100, 512),
    k3s: { cpuMillis: 250, memoryMiB: 1228 },
    system: { cpuMillis: 100, memoryMiB: 512 },
  },
  // 12 GB
  medium: {
    postgres: part(1, 1000, 2048),
    api: part(2, 500, 768, { memoryLimitMiB: 1536, cpuLimitMillis: 2000 }),
    worker: part(1, 500, 768, { memoryLimitMiB: 1536, cpuLimitMillis: 2000 }),
    traefik: part(1, 100, 128, { memoryLimitMiB: 256 }),
    migration: part(1, 100, 512),
    k3s: { cpuMillis: 500, memoryMiB: 1228 },
    system: { cpuMillis: 100, memoryMiB: 512 },
  },
  // 24 GB
  large: {
    postgres: part(1, 1000, 4096),
    api: part(3, 500, 1024, { memoryLimitMiB: 2048, cpuLimitMillis: 2000 }),
    worker: part(1, 500, 1024, { memoryLimitMiB: 2048, cpuLimitMillis: 2000 }),
    traefik: part(1, 200, 256, { memoryLimitMiB: 512 }),
    migration: part(1, 100, 512),
    k3s: { cpuMillis: 500, memoryMiB: 1536 },
    system: { cpuMillis: 250, memoryMiB: 512 },
  },
} as const satisfies Record<ProfileName, Profile>;

/** What the kubelet keeps back from pods for k3s and the operating system. */
export const systemReserved = (name: ProfileName): Amount => ({
  cpuMillis: profiles[name].k3s.cpuMillis + profiles[name].system.cpuMillis,
  memoryMiB: profiles[name].k3s.memoryMiB + profiles[name].system.memoryMiB,
});

/** The settings that decide what runs. */
export type ProfileChoice = Pick<Settings, "profile"> & {
  readonly app: { readonly apiReplicas?: number | undefined; readonly workerEnabled: boolean };
};

/** The profile with the stack's own choices on top. */
export const chosenProfile = ({ profile, app }: ProfileChoice): Profile => {
  const base: Profile = profiles[profile];
  return {
    ...base,
    api: { ...base.api, replicas: app.apiReplicas ?? base.api.replicas },
    worker: { ...base.worker, replicas: app.workerEnabled ? base.worker.replicas : 0 },
  };
};
