import type * as k8s from "@pulumi/kubernetes";

type Probe = k8s.types.input.core.v1.Probe;

export interface ProbeTiming {
  /** @default 10 */
  readonly periodSeconds?: number;
  /** @default 5 */
  readonly timeoutSeconds?: number;
  /** @default 3 */
  readonly failureThreshold?: number;
}

const timing = (t: ProbeTiming): Required<ProbeTiming> => ({
  periodSeconds: t.periodSeconds ?? 10,
  timeoutSeconds: t.timeoutSeconds ?? 5,
  failureThreshold: t.failureThreshold ?? 3,
});

/** GET `path` on the pod. A `host` is never set: Pod Security refuses it. */
export const httpProbe = (path: string, port: number | string, t: ProbeTiming = {}): Probe => ({
  httpGet: { path, port },
  ...timing(t),
});

export const tcpProbe = (port: number | string, t: ProbeTiming = {}): Probe => ({
  tcpSocket: { port },
  ...timing(t),
});

export const execProbe = (command: readonly string[], t: ProbeTiming = {}): Probe => ({
  exec: { command: [...command] },
  ...timing(t),
});

/** Timing of a startup probe that allows `totalSeconds` before the container counts as hung. */
export const allowing = (totalSeconds: number, periodSeconds = 5): ProbeTiming => ({
  periodSeconds,
  timeoutSeconds: Math.min(periodSeconds, 5),
  failureThreshold: Math.ceil(totalSeconds / periodSeconds),
});
