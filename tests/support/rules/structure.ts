import {
  at,
  isKubernetes,
  kindOf,
  namespaceOf,
  objectName,
  violation,
  type ResourceRecord,
  type Rule,
  type Violation,
} from "../records.ts";

/** Names, parents, providers, order: the shape of the program. */

const byUrn = (records: readonly ResourceRecord[]): ReadonlyMap<string, ResourceRecord> =>
  new Map(records.map((record) => [record.urn, record]));

/** Exactly one root; every other resource hangs below a component. */
export const parented: Rule = (records) => {
  const roots = records.filter((record) => record.parent === "");
  if (roots.length === 1 && roots[0]?.type === "platform:stacks:Platform") return [];
  return roots.filter((r) => r.type !== "platform:stacks:Platform").map((r) => violation(r, "has no parent"));
};

/** A child's name starts with its parent's: two components of one kind cannot collide. */
export const childNames: Rule = (records) => {
  const known = byUrn(records);
  return records.flatMap((record) => {
    const parent = known.get(record.parent);
    return parent === undefined || record.name.startsWith(`${parent.name}-`)
      ? []
      : [violation(record, `does not start with its parent's name "${parent.name}"`)];
  });
};

/** One Kubernetes provider, with a constant identifier, used by every Kubernetes object. */
export const oneProvider: Rule = (records) => {
  const providers = records.filter((record) => record.type === "pulumi:providers:kubernetes");
  const urns = providers.map((record) => record.urn);
  return [
    ...providers.slice(1).map((record) => violation(record, "is a second Kubernetes provider")),
    ...providers
      .filter((r) => typeof r.inputs["clusterIdentifier"] !== "string")
      .map((r) => violation(r, "has no clusterIdentifier")),
    ...records
      .filter(isKubernetes)
      .filter((record) => !urns.some((urn) => record.provider.startsWith(`${urn}::`)))
      .map((record) => violation(record, "does not use the platform's provider")),
  ];
};

const clusterScoped = [
  "Namespace",
  "StorageClass",
  "PriorityClass",
  "IngressClass",
  "ClusterRole",
  "ClusterRoleBinding",
  "PersistentVolume",
];

/** Cluster-wide names and namespaces carry the stack's prefix; what lies in a foreign namespace carries it too. */
export const prefixedNames =
  (prefix: string): Rule =>
  (records) =>
    records.filter(isKubernetes).flatMap((record) => {
      const own = (name: string): boolean => name.startsWith(`${prefix}-`);
      if (clusterScoped.includes(kindOf(record))) {
        return own(objectName(record))
          ? []
          : [violation(record, `cluster-wide name "${objectName(record)}" lacks the prefix "${prefix}-"`)];
      }
      if (namespaceOf(record) === "") return [violation(record, "has no namespace")];
      return own(namespaceOf(record)) || own(objectName(record))
        ? []
        : [
            violation(
              record,
              `neither "${namespaceOf(record)}" nor its name carries the prefix "${prefix}-"`,
            ),
          ];
    });

/** Fixed names are unique, also over several stacks on one cluster. */
export const uniqueNames: Rule = (records) => {
  const seen = new Map<string, ResourceRecord>();
  return records.filter(isKubernetes).flatMap((record) => {
    const key = `${record.type} ${namespaceOf(record)}/${objectName(record)}`;
    if (objectName(record) === "") return [];
    const first = seen.get(key);
    seen.set(key, record);
    return first === undefined ? [] : [violation(record, `has the same name as ${first.name}: ${key}`)];
  });
};

/** Everything that must exist before `record`: a child is registered after its parent, and that after what it waits for. */
export const closure = (records: readonly ResourceRecord[], record: ResourceRecord): ReadonlySet<string> => {
  const known = byUrn(records);
  const reached = new Set<string>();
  const queue = [record.parent, ...record.dependsOn];
  for (let urn = queue.pop(); urn !== undefined; urn = queue.pop()) {
    if (urn === "" || reached.has(urn)) continue;
    reached.add(urn);
    const next = known.get(urn);
    if (next !== undefined) queue.push(next.parent, ...next.dependsOn);
  }
  return reached;
};

/** Order that keeps a failure harmless: policies before pods, database before migration before API, API before its route. */
export const order: Rule = (records) => {
  const find = (kind: string, name: RegExp): readonly ResourceRecord[] =>
    records.filter((record) => kindOf(record) === kind && name.test(record.name));
  const pairs: readonly (readonly [readonly ResourceRecord[], readonly ResourceRecord[]])[] = [
    [
      ["StatefulSet", "Deployment", "DaemonSet", "Job"].flatMap((kind) => find(kind, /./)),
      find("NetworkPolicy", /./),
    ],
    [find("Job", /migration/), find("StatefulSet", /postgres/)],
    [find("Deployment", /-(api|worker)-/), find("Job", /migration/)],
    [find("Ingress", /./), find("Deployment", /-api-/)],
  ];
  return pairs.flatMap(([later, earlier]) =>
    later.flatMap((record) => {
      const before = closure(records, record);
      return earlier
        .filter((e) => !before.has(e.urn))
        .map((e) => violation(record, `does not wait for ${e.name}`));
    }),
  );
};

/** Nothing waits for itself, by whatever detour. */
export const noCycles: Rule = (records) =>
  records
    .filter((record) => closure(records, record).has(record.urn))
    .map((record) => violation(record, "depends on itself"));

/** What holds data, or takes data with it, is protected and kept on destroy. */
export const dataProtected: Rule = (records) =>
  records
    .filter((record) => ["Namespace", "PersistentVolumeClaim", "StatefulSet"].includes(kindOf(record)))
    .flatMap((record): readonly Violation[] => [
      ...(record.protect ? [] : [violation(record, "is not protected")]),
      ...(record.retainOnDelete ? [] : [violation(record, "is not kept on delete")]),
    ]);

/** Remote commands: pinned host key, quiet, never replaced by a trigger, nothing run on delete. */
export const quietCommands: Rule = (records) =>
  records
    .filter((record) => record.type.startsWith("command:remote:"))
    .flatMap((record) => [
      ...(String(at(record.inputs, "connection.hostKey")).startsWith("ssh-ed25519 ")
        ? []
        : [violation(record, "pins no ed25519 host key")]),
      ...(record.type !== "command:remote:Command" || record.inputs["logging"] === "none"
        ? []
        : [violation(record, "logs its output")]),
      ...(record.inputs["triggers"] === undefined || record.type !== "command:remote:Command"
        ? []
        : [violation(record, "has triggers, which replace it")]),
      ...(record.inputs["delete"] === undefined ? [] : [violation(record, "runs something on delete")]),
    ]);

/**
 * A ConfigMap cannot be changed, only replaced; with a fixed name it goes first, and takes along whatever has its name
 * from it. So the engine names it, or nobody asks it for its name.
 */
export const configMapsReplaceable: Rule = (records) =>
  records
    .filter((record) => kindOf(record) === "ConfigMap" && at(record.inputs, "metadata.name") !== undefined)
    .filter((fixed) => records.some((record) => record.readsFrom.includes(fixed.urn)))
    .map((fixed) => violation(fixed, "has a fixed name, and other resources would be replaced with it"));
