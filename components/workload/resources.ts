import type * as k8s from "@pulumi/kubernetes";

/** What a container asks for. */
export interface Size {
  /** Thousandths of a CPU. */
  readonly cpuMillis: number;
  /** MiB of memory, requested and (unless `memoryLimitMiB` says more) also the limit. */
  readonly memoryMiB: number;
  /** MiB. @default memoryMiB */
  readonly memoryLimitMiB?: number;
  /** Thousandths of a CPU. @default none: throttling hurts more than sharing on one machine */
  readonly cpuLimitMillis?: number;
}

/** MiB of writable layer, logs and emptyDirs on disk before the pod is evicted. */
const defaultEphemeralMiB = 512;

/**
 * Requests for everything, and limits for what one container could take from all others: memory and ephemeral disk.
 * @throws Error when a number is not positive or a limit lies below its request.
 */
export const resources = (
  size: Size,
  ephemeralMiB: number = defaultEphemeralMiB,
): k8s.types.input.core.v1.ResourceRequirements => {
  const memoryLimit = size.memoryLimitMiB ?? size.memoryMiB;
  for (const [what, value] of Object.entries({ ...size, ephemeralMiB })) {
    if (!Number.isInteger(value) || value <= 0)
      throw new Error(`${what}: ${String(value)} is not a positive whole number`);
  }
  if (memoryLimit < size.memoryMiB) {
    throw new Error(
      `memoryLimitMiB: ${String(memoryLimit)} is below the request of ${String(size.memoryMiB)}`,
    );
  }
  if (size.cpuLimitMillis !== undefined && size.cpuLimitMillis < size.cpuMillis) {
    throw new Error(
      `cpuLimitMillis: ${String(size.cpuLimitMillis)} is below the request of ${String(size.cpuMillis)}`,
    );
  }
  return {
    requests: {
      cpu: `${String(size.cpuMillis)}m`,
      memory: `${String(size.memoryMiB)}Mi`,
      "ephemeral-storage": `${String(Math.min(ephemeralMiB, 64))}Mi`,
    },
    limits: {
      memory: `${String(memoryLimit)}Mi`,
      "ephemeral-storage": `${String(ephemeralMiB)}Mi`,
      ...(size.cpuLimitMillis === undefined ? {} : { cpu: `${String(size.cpuLimitMillis)}m` }),
    },
  };
};
