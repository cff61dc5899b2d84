import type * as k8s from "@pulumi/kubernetes";

/** Where client-go looks for its credentials. */
const directory = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The longest that CIS allows for a token of the API server. */
const tokenSeconds = 3600;

/**
 * An explicit, short-lived token of the API server, instead of the one that is mounted by default, for the few that
 * call it. The kubelet renews it; its holder has the rights of the pod's ServiceAccount.
 */
export const apiToken = (): {
  readonly volume: k8s.types.input.core.v1.Volume;
  readonly mount: k8s.types.input.core.v1.VolumeMount;
} => ({
  volume: {
    name: "token",
    projected: {
      defaultMode: 0o440,
      sources: [
        { serviceAccountToken: { path: "token", expirationSeconds: tokenSeconds } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
      ],
    },
  },
  mount: { name: "token", mountPath: directory, readOnly: true },
});
