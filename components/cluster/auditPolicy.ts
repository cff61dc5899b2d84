import { toYaml } from "./yaml.ts";

const core = (...resources: readonly string[]) => [{ group: "", resources }];

const writes = ["create", "update", "patch", "delete", "deletecollection"];

/**
 * What the API server records. The first rule that matches wins, so the order matters: bodies of secrets and config maps
 * are never written, and reads of secrets stay visible because the noise of system accounts is dropped only after them.
 */
export const renderAuditPolicy = (): string =>
  toYaml({
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived"],
    rules: [
      {
        level: "None",
        resources: [
          { group: "", resources: ["events"] },
          { group: "events.k8s.io", resources: ["events"] },
          { group: "coordination.k8s.io", resources: ["leases"] },
        ],
      },
      { level: "None", nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"] },
      {
        level: "Metadata",
        resources: [
          ...core("secrets", "configmaps", "serviceaccounts/token"),
          { group: "authentication.k8s.io", resources: ["tokenreviews"] },
        ],
      },
      {
        level: "Request",
        resources: core("pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"),
      },
      {
        level: "RequestResponse",
        verbs: writes,
        resources: [
          { group: "rbac.authorization.k8s.io" },
          { group: "networking.k8s.io", resources: ["networkpolicies"] },
          ...core("namespaces"),
        ],
      },
      {
        level: "None",
        users: [
          "system:apiserver",
          "system:kube-controller-manager",
          "system:kube-scheduler",
          "system:k3s-supervisor",
        ],
        verbs: ["get", "list", "watch"],
      },
      { level: "None", userGroups: ["system:nodes"], verbs: ["get", "list", "watch"] },
      { level: "Metadata" },
    ],
  });
