/** The stack's Kubernetes objects as manifests, in the order in which a person would apply them. No state. */
import type { RigStack } from "../stack.ts";

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly inputs?: Json;
}

export interface Manifest {
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly object: Json;
}

/** Marks a secret in an export; its value follows as JSON text under `plaintext`. */
const secretMark = "4dabf18193072939515e22adb298388d";

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const reveal = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(reveal);
  if (!isObject(value)) return value;
  const { plaintext } = value;
  if (secretMark in value && typeof plaintext === "string") return reveal(JSON.parse(plaintext) as Json);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
};

const text = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);

/** Exports every object that the stack put into its cluster. The values hold secrets in clear: keep them in memory. */
export const exportObjects = async (stack: RigStack): Promise<readonly Manifest[]> => {
  const { code, stdout, stderr } = await stack.engine(["stack", "export", "--show-secrets"]);
  if (code !== 0) throw new Error(`pulumi stack export failed: ${stderr}`);
  const state = JSON.parse(stdout) as { deployment: { resources: readonly Resource[] } };
  return state.deployment.resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ urn, inputs }) => {
      const object = reveal(inputs ?? {});
      const metadata = isObject(object) ? object["metadata"] : undefined;
      const [kind, name] = [
        isObject(object) ? text(object["kind"]) : undefined,
        isObject(metadata) ? text(metadata["name"]) : undefined,
      ];
      if (kind === undefined || name === undefined)
        throw new Error(`${urn}: its inputs are not an object with kind and name`);
      return { kind, name, namespace: isObject(metadata) ? text(metadata["namespace"]) : undefined, object };
    });
};

const clusterWide = [
  "Namespace",
  "PriorityClass",
  "StorageClass",
  "IngressClass",
  "ClusterRole",
  "ClusterRoleBinding",
];

export interface Step {
  readonly objects: readonly Manifest[];
  /** Arguments of kubectl that end when the step's objects are ready. */
  readonly waits: readonly (readonly string[])[];
}

const wait = ({ kind, name, namespace }: Manifest): readonly string[] => {
  const where = ["-n", namespace ?? "default"];
  return kind === "Job"
    ? [...where, "wait", "--for=condition=complete", `job/${name}`, "--timeout=600s"]
    : [...where, "rollout", "status", `${kind.toLowerCase()}/${name}`, "--timeout=600s"];
};

/** Ground, then database and edge, then the migration, then what needs its schema: the order of the program. */
export const applyOrder = (all: readonly Manifest[]): readonly Step[] => {
  const of = (...kinds: string[]): readonly Manifest[] => all.filter(({ kind }) => kinds.includes(kind));
  const workloads = ["StatefulSet", "DaemonSet", "Job", "Deployment"];
  const rest = all.filter(({ kind }) => ![...clusterWide, ...workloads].includes(kind));
  return [
    { objects: of(...clusterWide), waits: [] },
    { objects: [...rest, ...of("StatefulSet", "DaemonSet")], waits: of("StatefulSet").map(wait) },
    { objects: of("Job"), waits: of("Job").map(wait) },
    { objects: of("Deployment"), waits: of("Deployment", "DaemonSet").map(wait) },
  ];
};
