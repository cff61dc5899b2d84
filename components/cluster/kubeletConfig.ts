import { toYaml } from "./yaml.ts";

/** Longest pause before a container that keeps ending is started again; Kubernetes' own grows to five minutes. */
export const restartBackOffSeconds = 10;

/**
 * Drop-in for the kubelet, beside k3s' own: what has no command-line argument. A database that crashed a few times does
 * not stay down for minutes.
 */
export const renderKubeletConfig = (): string =>
  toYaml({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    crashLoopBackOff: { maxContainerRestartPeriod: `${String(restartBackOffSeconds)}s` },
  });
