import {
  at,
  kindOf,
  list,
  map,
  namespaceOf,
  objectName,
  ofKind,
  podTemplates,
  selects,
  text,
  violation,
  type PodTemplate,
  type ResourceRecord,
  type Rule,
} from "../records.ts";

/** Who can be reached, and who may do what. */

const isHeadlessOrOutside = (service: ResourceRecord): boolean =>
  text(service.inputs, "spec.type") === "ExternalName";

/** One door: the edge's two host ports. */
export const oneDoor: Rule = (records) => [
  ...ofKind(records, "Service").flatMap((service) => [
    ...(["NodePort", "LoadBalancer"].includes(text(service.inputs, "spec.type"))
      ? [violation(service, `is a ${text(service.inputs, "spec.type")}`)]
      : []),
    ...(list(service.inputs, "spec.externalIPs").length > 0
      ? [violation(service, "has external addresses")]
      : []),
  ]),
  ...podTemplates(records).flatMap((pod) =>
    [...pod.initContainers, ...pod.containers]
      .flatMap((container) => list(container, "ports"))
      .filter((port) => at(port, "hostPort") !== undefined)
      .filter(
        (port) => !pod.namespace.endsWith("-ingress") || ![80, 443].includes(Number(at(port, "hostPort"))),
      )
      .map((port) => violation(pod.record, `binds port ${String(at(port, "hostPort"))} of the host`)),
  ),
];

/** Both directions are denied by default in every namespace, and every pod has a policy for both. */
export const policiesComplete: Rule = (records) => {
  const policies = ofKind(records, "NetworkPolicy");
  const both = (policy: ResourceRecord): boolean =>
    ["Ingress", "Egress"].every((type) => list(policy.inputs, "spec.policyTypes").includes(type));
  const selectorOf = (policy: ResourceRecord): Readonly<Record<string, string>> =>
    map(policy.inputs, "spec.podSelector.matchLabels");
  const isDefault = (policy: ResourceRecord): boolean =>
    both(policy) &&
    Object.keys(selectorOf(policy)).length === 0 &&
    list(policy.inputs, "spec.ingress").length === 0 &&
    list(policy.inputs, "spec.egress").length === 0;
  return [
    ...ofKind(records, "Namespace")
      .filter((ns) => !policies.some((policy) => namespaceOf(policy) === objectName(ns) && isDefault(policy)))
      .map((ns) => violation(ns, "has no default-deny policy")),
    ...podTemplates(records)
      .filter(
        (pod) =>
          !policies.some(
            (p) =>
              namespaceOf(p) === pod.namespace &&
              both(p) &&
              !isDefault(p) &&
              selects(selectorOf(p), pod.labels),
          ),
      )
      .map((pod) => violation(pod.record, "its pods have no policy of their own")),
    ...policies
      .filter((policy) => !isDefault(policy))
      .filter(
        (policy) =>
          !podTemplates(records).some(
            (pod) => pod.namespace === namespaceOf(policy) && selects(selectorOf(policy), pod.labels),
          ),
      )
      .map((policy) => violation(policy, "selects no pod of the stack")),
    ...policies.flatMap((policy) =>
      [
        ...list(policy.inputs, "spec.ingress").map((rule) => list(rule, "from")),
        ...list(policy.inputs, "spec.egress").map((rule) => list(rule, "to")),
      ]
        .filter((peers) => peers.length === 0)
        .map(() => violation(policy, "has a rule without peers, which allows everybody")),
    ),
  ];
};

/** Init containers that run as long as the pod; the others have ended when it serves. */
const sidecars = (pod: PodTemplate): readonly unknown[] =>
  pod.initContainers.filter((container) => at(container, "restartPolicy") === "Always");

/** Every Service with a selector finds a pod that has the port. */
export const servicesHitPods: Rule = (records) =>
  ofKind(records, "Service")
    .filter((service) => !isHeadlessOrOutside(service))
    .flatMap((service) => {
      const selector = map(service.inputs, "spec.selector");
      const pods = podTemplates(records).filter(
        (pod) => pod.namespace === namespaceOf(service) && selects(selector, pod.labels),
      );
      if (Object.keys(selector).length === 0 || pods.length === 0)
        return [violation(service, "selects no pod")];
      return list(service.inputs, "spec.ports").flatMap((port) => {
        const target = at(port, "targetPort") ?? at(port, "port");
        const found = pods.some((pod) =>
          [...sidecars(pod), ...pod.containers]
            .flatMap((c) => list(c, "ports"))
            .some((p) => at(p, "name") === target || at(p, "containerPort") === target),
        );
        return found ? [] : [violation(service, `leads to port "${String(target)}", which no pod has`)];
      });
    });

/** Reading rights are named one by one. */
export const noWildcards: Rule = (records) =>
  ofKind(records, "Role", "ClusterRole").flatMap((role) =>
    list(role.inputs, "rules").flatMap((rule) =>
      ["apiGroups", "resources", "verbs"]
        .filter((field) => list(rule, field).includes("*"))
        .map((field) => violation(role, `grants * in ${field}`)),
    ),
  );

/** Secrets of more than one namespace are nobody's to read. */
export const noWideSecrets: Rule = (records) =>
  ofKind(records, "ClusterRole").flatMap((role) =>
    list(role.inputs, "rules")
      .filter((rule) => list(rule, "resources").includes("secrets"))
      .map(() => violation(role, "reads Secrets of every namespace")),
  );

/** Waiting for a load balancer that never comes, or ten seconds for each Service, is switched off. */
export const noEndlessWaits: Rule = (records) =>
  records
    .filter(
      (record) =>
        kindOf(record) === "Ingress" || (kindOf(record) === "Service" && !isHeadlessOrOutside(record)),
    )
    .filter((record) => map(record.inputs, "metadata.annotations")["pulumi.com/skipAwait"] !== "true")
    .map((record) => violation(record, "is waited for"));

/** Namespaces are restricted, or say why not. */
export const podSecurity: Rule = (records) =>
  ofKind(records, "Namespace").flatMap((namespace) => {
    const level = map(namespace.inputs, "metadata.labels")["pod-security.kubernetes.io/enforce"];
    const version =
      map(namespace.inputs, "metadata.labels")["pod-security.kubernetes.io/enforce-version"] ?? "";
    const reason =
      map(namespace.inputs, "metadata.annotations")["platform.internal/pod-security-reason"] ?? "";
    return [
      ...(level === "restricted" || (level !== undefined && reason !== "")
        ? []
        : [violation(namespace, `is "${String(level)}" without a reason`)]),
      ...(/^v1\.\d+$/.test(version)
        ? []
        : [violation(namespace, `follows "${version}" instead of a fixed version`)]),
    ];
  });
