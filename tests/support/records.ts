/** What a program told the engine, one record per resource. */

export interface ResourceRecord {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** URN, empty for the root. */
  readonly parent: string;
  /** URN::id of the provider, empty when the engine would pick one. */
  readonly provider: string;
  readonly custom: boolean;
  /** Plain values; secrets are revealed here, see `secretPaths`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Where secrets start, e.g. `stringData.tls.key`. */
  readonly secretPaths: readonly string[];
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  /** URNs, components already expanded to their children. */
  readonly dependsOn: readonly string[];
  /** URNs of the resources whose outputs stand in its inputs. */
  readonly readsFrom: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
}

/** A broken rule: which resource, what is wrong. */
export interface Violation {
  readonly resource: string;
  readonly problem: string;
}

/** A rule of the platform: works on recorded runs, and on exported state of the same shape. */
export type Rule = (records: readonly ResourceRecord[]) => readonly Violation[];

export const violation = (record: ResourceRecord, problem: string): Violation => ({
  resource: `${record.type} ${record.name}`,
  problem,
});

/** Reads `a.b.0.c` out of plain data; undefined where the path ends early. */
export const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((inner, key) => {
    if (inner === null || typeof inner !== "object") return undefined;
    return (inner as Record<string, unknown>)[key];
  }, value);

export const text = (value: unknown, path: string): string => {
  const found = at(value, path);
  return typeof found === "string" ? found : "";
};

export const list = (value: unknown, path: string): readonly unknown[] => {
  const found = at(value, path);
  return Array.isArray(found) ? (found as unknown[]) : [];
};

export const map = (value: unknown, path: string): Readonly<Record<string, string>> => {
  const found = at(value, path);
  return found !== null && typeof found === "object" ? (found as Record<string, string>) : {};
};

export const isKubernetes = (record: ResourceRecord): boolean => record.type.startsWith("kubernetes:");
/** `StatefulSet` of `kubernetes:apps/v1:StatefulSet`. */
export const kindOf = (record: ResourceRecord): string =>
  isKubernetes(record) ? (record.type.split(":")[2] ?? "") : "";
export const ofKind = (
  records: readonly ResourceRecord[],
  ...kinds: readonly string[]
): readonly ResourceRecord[] => records.filter((record) => kinds.includes(kindOf(record)));

export const objectName = (record: ResourceRecord): string => text(record.inputs, "metadata.name");
export const namespaceOf = (record: ResourceRecord): string => text(record.inputs, "metadata.namespace");

/** A pod template with the workload that holds it. */
export interface PodTemplate {
  readonly record: ResourceRecord;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: unknown;
  /** Containers that stay: the main ones. */
  readonly containers: readonly unknown[];
  readonly initContainers: readonly unknown[];
}

export const podKinds = ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"] as const;

export const podTemplates = (records: readonly ResourceRecord[]): readonly PodTemplate[] =>
  ofKind(records, ...podKinds).map((record) => {
    const root = kindOf(record) === "CronJob" ? "spec.jobTemplate.spec.template" : "spec.template";
    return {
      record,
      namespace: namespaceOf(record),
      labels: map(record.inputs, `${root}.metadata.labels`),
      spec: at(record.inputs, `${root}.spec`),
      containers: list(record.inputs, `${root}.spec.containers`),
      initContainers: list(record.inputs, `${root}.spec.initContainers`),
    };
  });

export const selects = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value);
