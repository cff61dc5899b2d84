import { beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../support/program.ts";
import { kindOf, type ResourceRecord } from "../support/records.ts";
import { allRules } from "../support/rules/index.ts";
import { canaries, fakeSecrets } from "../unit/stacks/examples.ts";

/** Each rule is shown a program with one defect. A rule that stays silent here proves nothing elsewhere. */

type Inputs = Record<string, unknown>;
interface Defect {
  /** Rule that has to notice. */
  readonly rule: string;
  readonly what: string;
  /** Which record is broken: the first that matches. */
  readonly where: (record: ResourceRecord) => boolean;
  /** Puts values into the inputs by path; undefined removes. */
  readonly inputs?: Readonly<Record<string, unknown>>;
  /** Replaces fields of the record itself. */
  readonly fields?: Partial<ResourceRecord>;
  /** Leaves the record out. */
  readonly missing?: true;
}

const kind =
  (wanted: string, name = "") =>
  (record: ResourceRecord): boolean =>
    kindOf(record) === wanted && record.name.includes(name);
const type =
  (wanted: string) =>
  (record: ResourceRecord): boolean =>
    record.type === wanted;

const pod = "spec.template.spec";
const first = `${pod}.containers.0`;
const api = kind("Deployment", "api");
const secret = fakeSecrets["postgresAppPassword"] ?? "";

const defects: readonly Defect[] = [
  {
    rule: "configMapsReplaceable",
    what: "a ConfigMap with a fixed name that the server reads",
    where: kind("ConfigMap", "postgres-config"),
    inputs: { "metadata.name": "postgres-config" },
  },
  {
    rule: "parented",
    what: "opts passed in the slot of args",
    where: kind("Service", "api"),
    fields: { parent: "" },
  },
  {
    rule: "childNames",
    what: "a child with a hardcoded name",
    where: kind("Service", "api"),
    fields: { name: "service" },
  },
  {
    rule: "oneProvider",
    what: "an object on the default provider",
    where: kind("ConfigMap"),
    fields: { provider: "" },
  },
  {
    rule: "oneProvider",
    what: "no clusterIdentifier",
    where: type("pulumi:providers:kubernetes"),
    inputs: { clusterIdentifier: undefined },
  },
  {
    rule: "prefixedNames",
    what: "a StorageClass without prefix",
    where: kind("StorageClass"),
    inputs: { "metadata.name": "retain" },
  },
  {
    rule: "prefixedNames",
    what: "an object in another namespace",
    where: kind("Service", "api"),
    inputs: { "metadata.namespace": "default" },
  },
  {
    rule: "uniqueNames",
    what: "two Services of one name",
    where: kind("Service", "postgres-headless"),
    inputs: { "metadata.name": "postgres" },
  },
  {
    rule: "order",
    what: "an API that does not wait for the migration",
    where: type("platform:app:Api"),
    fields: { dependsOn: [] },
  },
  {
    rule: "noCycles",
    what: "a resource that waits for itself",
    where: kind("Job"),
    fields: { dependsOn: ["SELF"] },
  },
  {
    rule: "dataProtected",
    what: "an unprotected volume",
    where: kind("PersistentVolumeClaim"),
    fields: { protect: false },
  },
  {
    rule: "dataProtected",
    what: "a namespace that goes with the stack",
    where: kind("Namespace"),
    fields: { retainOnDelete: false },
  },
  {
    rule: "quietCommands",
    what: "no pinned host key",
    where: type("command:remote:Command"),
    inputs: { "connection.hostKey": undefined },
  },
  {
    rule: "quietCommands",
    what: "triggers",
    where: type("command:remote:Command"),
    inputs: { triggers: ["1"] },
  },
  {
    rule: "quietCommands",
    what: "a delete command",
    where: type("command:remote:Command"),
    inputs: { delete: "k3s-uninstall.sh" },
  },
  {
    rule: "pinnedImages",
    what: "a tag without digest",
    where: api,
    inputs: { [`${first}.image`]: "docker.io/app/api:latest" },
  },
  {
    rule: "hardenedPods",
    what: "a writable root",
    where: api,
    inputs: { [`${first}.securityContext.readOnlyRootFilesystem`]: false },
  },
  {
    rule: "hardenedPods",
    what: "a path of the host",
    where: api,
    inputs: { [`${pod}.volumes`]: [{ name: "root", hostPath: { path: "/" } }] },
  },
  { rule: "hardenedPods", what: "the host's network", where: api, inputs: { [`${pod}.hostNetwork`]: true } },
  {
    rule: "podBaseline",
    what: "a mounted token",
    where: api,
    inputs: { [`${pod}.automountServiceAccountToken`]: undefined },
  },
  {
    rule: "podBaseline",
    what: "a short grace period",
    where: api,
    inputs: { [`${pod}.terminationGracePeriodSeconds`]: 30 },
  },
  {
    rule: "limited",
    what: "no memory limit",
    where: api,
    inputs: { [`${first}.resources.limits.memory`]: undefined },
  },
  {
    rule: "probed",
    what: "no readiness probe",
    where: api,
    inputs: { [`${first}.readinessProbe`]: undefined },
  },
  {
    rule: "labelled",
    what: "a selector with another component",
    where: api,
    inputs: { "spec.selector.matchLabels": { "app.kubernetes.io/name": "web" } },
  },
  {
    rule: "envFromSecrets",
    what: "a password in env",
    where: api,
    inputs: { [`${first}.env.0`]: { name: "DB_PASSWORD", value: "x" } },
  },
  { rule: "sensibleBudgets", what: "a budget on one replica", where: api, inputs: { "spec.replicas": 1 } },
  { rule: "oneDoor", what: "a NodePort", where: kind("Service", "api"), inputs: { "spec.type": "NodePort" } },
  {
    rule: "oneDoor",
    what: "a host port beside the edge",
    where: api,
    inputs: { [`${first}.ports.0.hostPort`]: 8088 },
  },
  {
    rule: "policiesComplete",
    what: "a namespace without default-deny",
    where: kind("NetworkPolicy", "data-default-deny"),
    missing: true,
  },
  {
    rule: "policiesComplete",
    what: "a worker without policy",
    where: kind("NetworkPolicy", "app-worker"),
    missing: true,
  },
  {
    rule: "policiesComplete",
    what: "an empty from",
    where: kind("NetworkPolicy", "data-postgres"),
    inputs: { "spec.ingress.0.from": [] },
  },
  {
    rule: "servicesHitPods",
    what: "a Service that selects nothing",
    where: kind("Service", "api"),
    inputs: { "spec.selector": { app: "web" } },
  },
  {
    rule: "servicesHitPods",
    what: "a Service with another port",
    where: kind("Service", "api"),
    inputs: { "spec.ports.0.targetPort": "web" },
  },
  { rule: "noWildcards", what: "a wildcard right", where: kind("Role"), inputs: { "rules.0.verbs": ["*"] } },
  {
    rule: "noWideSecrets",
    what: "a proxy that reads all Secrets",
    where: kind("ClusterRole"),
    inputs: { "rules.0.resources": ["secrets"] },
  },
  {
    rule: "noEndlessWaits",
    what: "an awaited Ingress",
    where: kind("Ingress"),
    inputs: { "metadata.annotations": {} },
  },
  {
    rule: "podSecurity",
    what: "a privileged namespace without reason",
    where: kind("Namespace", "ingress"),
    inputs: { "metadata.annotations": {} },
  },
  {
    rule: "referencesExist",
    what: "a Secret that nobody makes",
    where: kind("Secret", "app-database"),
    missing: true,
  },
  {
    rule: "referencesExist",
    what: "a key that the Secret lacks",
    where: kind("Secret", "app-secrets"),
    inputs: { "stringData.JWT_SECRET": undefined },
  },
  {
    rule: "referencesExist",
    what: "no storage class",
    where: kind("PersistentVolumeClaim"),
    inputs: { "spec.storageClassName": "standard" },
  },
  {
    rule: "routesLead",
    what: "a route to another port",
    where: kind("Service", "route-target"),
    inputs: { "spec.ports.0.port": 30088 },
  },
  {
    rule: "secretTaint",
    what: "a secret in env",
    where: api,
    inputs: { [`${first}.env.0`]: { name: "X", value: secret } },
  },
  {
    rule: "secretTaint",
    what: "a secret inside a ConfigMap, in base64",
    where: kind("ConfigMap"),
    inputs: { "data.x": Buffer.from(secret).toString("base64") },
  },
  {
    rule: "secretTaint",
    what: "a marked secret in the wrong place",
    where: api,
    fields: { secretPaths: ["spec.template"] },
  },
  {
    rule: "secretTaint",
    what: "a Secret in clear",
    where: kind("Secret", "app-secrets"),
    fields: { secretPaths: [] },
  },
  {
    rule: "secretOutputs",
    what: "command output in clear",
    where: type("command:remote:Command"),
    fields: { additionalSecretOutputs: [] },
  },
];

const put = (target: Inputs, path: string, value: unknown): void => {
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  // Keys such as `app.kubernetes.io/name` never stand in a path here.
  const holder = keys.reduce<Inputs>((inner, key) => (inner[key] ??= {}) as Inputs, target);
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else holder[last] = value;
};

const broken = (records: readonly ResourceRecord[], defect: Defect): readonly ResourceRecord[] => {
  const victim = records.find(defect.where);
  if (victim === undefined) throw new Error(`${defect.what}: no record to break`);
  return records.flatMap((record) => {
    if (record !== victim) return [record];
    if (defect.missing === true) return [];
    const inputs = structuredClone(record.inputs) as Inputs;
    for (const [path, value] of Object.entries(defect.inputs ?? {})) put(inputs, path, value);
    const dependsOn = (defect.fields?.dependsOn ?? record.dependsOn).map((urn) =>
      urn === "SELF" ? record.urn : urn,
    );
    return [{ ...record, inputs, ...defect.fields, dependsOn }];
  });
};

describe("each rule notices its defect", () => {
  const rules = allRules({ prefix: "hc-prod", canaries });
  let records: readonly ResourceRecord[];
  beforeAll(async () => {
    ({ records } = await runProgram("production"));
  });

  it.each(defects)("$rule: $what", (defect) => {
    expect(rules[defect.rule]?.(records)).toEqual([]);
    expect(rules[defect.rule]?.(broken(records, defect))).not.toEqual([]);
  });

  it("covers every rule", () => {
    const covered = new Set(defects.map((defect) => defect.rule));
    expect(Object.keys(rules).filter((rule) => !covered.has(rule))).toEqual([]);
  });
});
