import {
  at,
  kindOf,
  list,
  namespaceOf,
  objectName,
  ofKind,
  podTemplates,
  text,
  violation,
  type ResourceRecord,
  type Rule,
} from "../records.ts";

/** Everything that is named somewhere exists. */

/** Made by Kubernetes in every namespace. */
const builtIn = ["ConfigMap kube-root-ca.crt"];

interface Reference {
  readonly from: ResourceRecord;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly key?: string;
}

const podReferences = (records: readonly ResourceRecord[]): readonly Reference[] =>
  podTemplates(records).flatMap((pod) => {
    const base = { from: pod.record, namespace: pod.namespace };
    const containers = [...pod.initContainers, ...pod.containers];
    const refs: Reference[] = [
      { ...base, kind: "ServiceAccount", name: text(pod.spec, "serviceAccountName") },
      { ...base, namespace: "", kind: "PriorityClass", name: text(pod.spec, "priorityClassName") },
    ];
    const add = (kind: string, holder: unknown, namePath: string, keys: readonly string[] = []): void => {
      const name = at(holder, namePath);
      if (typeof name !== "string") return;
      refs.push({ ...base, kind, name }, ...keys.map((key) => ({ ...base, kind, name, key })));
    };
    const keysOf = (holder: unknown): readonly string[] =>
      list(holder, "items").map((item) => text(item, "key"));
    for (const volume of list(pod.spec, "volumes")) {
      add("ConfigMap", volume, "configMap.name", keysOf(at(volume, "configMap")));
      add("Secret", volume, "secret.secretName", keysOf(at(volume, "secret")));
      add("PersistentVolumeClaim", volume, "persistentVolumeClaim.claimName");
      for (const source of list(volume, "projected.sources")) {
        add("ConfigMap", source, "configMap.name");
        add("Secret", source, "secret.name");
      }
    }
    for (const entry of containers.flatMap((container) => list(container, "env"))) {
      add(
        "Secret",
        entry,
        "valueFrom.secretKeyRef.name",
        [text(entry, "valueFrom.secretKeyRef.key")].filter((key) => key !== ""),
      );
      add("ConfigMap", entry, "valueFrom.configMapKeyRef.name");
    }
    return refs;
  });

const otherReferences = (records: readonly ResourceRecord[]): readonly Reference[] => [
  ...ofKind(records, "StatefulSet").map((from) => ({
    from,
    namespace: namespaceOf(from),
    kind: "Service",
    name: text(from.inputs, "spec.serviceName"),
  })),
  ...ofKind(records, "PersistentVolumeClaim").map((from) => ({
    from,
    namespace: "",
    kind: "StorageClass",
    name: text(from.inputs, "spec.storageClassName"),
  })),
  ...ofKind(records, "RoleBinding", "ClusterRoleBinding").flatMap((from) => [
    {
      from,
      namespace: kindOf(from) === "RoleBinding" ? namespaceOf(from) : "",
      kind: text(from.inputs, "roleRef.kind"),
      name: text(from.inputs, "roleRef.name"),
    },
    ...list(from.inputs, "subjects").map((subject) => ({
      from,
      namespace: text(subject, "namespace"),
      kind: "ServiceAccount",
      name: text(subject, "name"),
    })),
  ]),
  ...ofKind(records, "Ingress").flatMap((from) => [
    { from, namespace: "", kind: "IngressClass", name: text(from.inputs, "spec.ingressClassName") },
    ...list(from.inputs, "spec.tls").map((tls) => ({
      from,
      namespace: namespaceOf(from),
      kind: "Secret",
      name: text(tls, "secretName"),
    })),
    ...list(from.inputs, "spec.rules")
      .flatMap((rule) => list(rule, "http.paths"))
      .map((path) => ({
        from,
        namespace: namespaceOf(from),
        kind: "Service",
        name: text(path, "backend.service.name"),
      })),
  ]),
];

const keysOfObject = (record: ResourceRecord): readonly string[] =>
  ["data", "stringData"].flatMap((field) => Object.keys(record.inputs[field] ?? {}));

/**
 * @param foreign names that another stack on the cluster provides, as `Kind name`.
 */
export const referencesExist =
  (foreign: readonly string[] = []): Rule =>
  (records) => {
    const nameOf = (record: ResourceRecord): string => objectName(record) || `${record.name}-0f3c1e5a`;
    const objects = new Map(
      records.map((record) => [`${kindOf(record)} ${namespaceOf(record)}/${nameOf(record)}`, record]),
    );
    return [...podReferences(records), ...otherReferences(records)].flatMap((ref) => {
      const short = `${ref.kind} ${ref.name}`;
      if (builtIn.includes(short) || foreign.includes(short)) return [];
      const found = objects.get(`${ref.kind} ${ref.namespace}/${ref.name}`);
      if (found === undefined)
        return [violation(ref.from, `refers to ${short}, which does not exist in "${ref.namespace}"`)];
      return ref.key === undefined || keysOfObject(found).includes(ref.key)
        ? []
        : [violation(ref.from, `refers to key "${ref.key}" that ${short} lacks`)];
    });
  };

/** An ExternalName Service of a route leads to a Service of this stack that has the port. */
export const routesLead: Rule = (records) =>
  ofKind(records, "Service")
    .filter((service) => text(service.inputs, "spec.type") === "ExternalName")
    .flatMap((service) => {
      const [name, namespace] = text(service.inputs, "spec.externalName").split(".");
      const target = ofKind(records, "Service").find(
        (s) => objectName(s) === name && namespaceOf(s) === namespace,
      );
      const ports =
        target === undefined ? [] : list(target.inputs, "spec.ports").map((port) => at(port, "port"));
      return list(service.inputs, "spec.ports").every((port) => ports.includes(at(port, "port"))) &&
        target !== undefined
        ? []
        : [
            violation(
              service,
              `leads to ${text(service.inputs, "spec.externalName")}, which does not listen there`,
            ),
          ];
    });
