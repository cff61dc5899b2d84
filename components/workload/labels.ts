/** The standard labels of every object we create, and the subset that selects pods. */

export interface LabelArgs {
  /** The stack's own prefix: it tells two stacks on one host apart. */
  readonly prefix: string;
  /** The program, e.g. `postgres`. */
  readonly app: string;
  /** Its role in the platform, e.g. `database`. */
  readonly component: string;
}

export interface Labels {
  /** Selects pods. Selectors are force-new, so nothing that changes (version, part-of) may stand here. */
  readonly selector: Readonly<Record<string, string>>;
  readonly all: Readonly<Record<string, string>>;
}

/** Labels under a domain of our own; `.internal` can never belong to anybody else. */
export const ownLabel = {
  /** On namespaces: which layer lives there. */
  layer: "platform.internal/layer",
  /** On namespaces and cluster-wide objects: the prefix of the stack that owns them. */
  owner: "platform.internal/owner",
  /** On pods: may be reached through the edge proxy. */
  exposed: "platform.internal/exposed",
} as const;

export const ownAnnotation = {
  /** On namespaces that are weaker than `restricted`: why. */
  podSecurityReason: "platform.internal/pod-security-reason",
  /** On pod templates: the integers from config whose change restarts the pods. */
  rotation: "platform.internal/rotation",
  /** On pod templates: hash of the settings that a process reads at its start only. Never of a secret. */
  boot: "platform.internal/boot",
} as const;

/** `managed-by` is missing on purpose: the Kubernetes provider sets it. */
export const labels = ({ prefix, app, component }: LabelArgs): Labels => {
  const selector = {
    "app.kubernetes.io/name": app,
    "app.kubernetes.io/instance": prefix,
    "app.kubernetes.io/component": component,
  };
  return { selector, all: { ...selector, "app.kubernetes.io/part-of": "platform" } };
};
