import type { ClusterSpec } from "./types.ts";
import { toYaml } from "./yaml.ts";

/** Seconds that pods of one priority, and those above it up to the next, have to end when the machine shuts down. */
export interface ShutdownStep {
  readonly priority: number;
  readonly seconds: number;
}

/** Longest pause before a container that keeps ending is started again; Kubernetes' own grows to five minutes. */
export const restartBackOffSeconds = 10;

/**
 * Drop-in for the kubelet, beside k3s' own: what has no command-line argument. A database that crashed a few times does
 * not stay down for minutes, and at a reboot pods end in order, lowest priority first: who writes before who stores.
 */
export const renderKubeletConfig = (spec: Pick<ClusterSpec, "shutdown">): string =>
  toYaml({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    crashLoopBackOff: { maxContainerRestartPeriod: `${String(restartBackOffSeconds)}s` },
    shutdownGracePeriodByPodPriority: spec.shutdown.map(({ priority, seconds }) => ({
      priority,
      shutdownGracePeriodSeconds: seconds,
    })),
  });

/**
 * Drop-in for systemd-logind, which holds a shutdown back for the kubelet. The kubelet writes one too, but
 * unattended-upgrades brings one whose name comes later and allows 30 s, and then the kubelet gives up.
 */
export const renderLogindConfig = ({ shutdown }: Pick<ClusterSpec, "shutdown">): string =>
  `[Login]\nInhibitDelayMaxSec=${String(shutdown.reduce((sum, { seconds }) => sum + seconds, 0))}\n`;
