import {
  at,
  kindOf,
  list,
  map,
  ofKind,
  podTemplates,
  selects,
  text,
  violation,
  type PodTemplate,
  type Rule,
  type Violation,
} from "../records.ts";

/** What every pod of the platform has to be. */

const perPod =
  (check: (pod: PodTemplate) => readonly string[]): Rule =>
  (records) =>
    podTemplates(records).flatMap((pod) => check(pod).map((problem) => violation(pod.record, problem)));

const allContainers = (pod: PodTemplate): readonly unknown[] => [...pod.initContainers, ...pod.containers];
const nameOf = (container: unknown): string => text(container, "name");

/** For every container: the problems that `check` finds, with the container's name. */
const perContainer = (check: (container: unknown, pod: PodTemplate) => readonly string[]): Rule =>
  perPod((pod) =>
    allContainers(pod).flatMap((c) => check(c, pod).map((problem) => `container ${nameOf(c)} ${problem}`)),
  );

/** Registry, tag and digest. */
export const pinnedImages: Rule = perContainer((container) => [
  ...(/^[^@]+\.[^@]+\/[^@]+:[^@]+@sha256:[0-9a-f]{64}$/.test(text(container, "image"))
    ? []
    : [`runs "${text(container, "image")}", which is not pinned by digest`]),
  ...(text(container, "imagePullPolicy") === "IfNotPresent" ? [] : ["does not pull only if not present"]),
]);

/** Paths of the host: only for what reads the machine's figures, in its own namespace, and never to write. */
const hostPaths: Rule = perPod((pod) => {
  const paths = list(pod.spec, "volumes").filter((volume) => at(volume, "hostPath") !== undefined);
  const names = paths.map((volume) => at(volume, "name"));
  const mounts = [...pod.initContainers, ...pod.containers].flatMap((c) => list(c, "volumeMounts"));
  const writable = mounts.some((m) => names.includes(at(m, "name")) && at(m, "readOnly") !== true);
  return [
    ...(paths.length > 0 && !pod.namespace.endsWith("-node") ? ["mounts a path of the host"] : []),
    ...(writable ? ["may write to a path of the host"] : []),
  ];
});

/** Pod Security `restricted`, plus a read-only root. */
export const hardenedPods: Rule = (records) => [
  ...perPod(({ spec }) => [
    ...(at(spec, "securityContext.runAsNonRoot") === true ? [] : ["may run as root"]),
    ...(Number(at(spec, "securityContext.runAsUser")) > 0 ? [] : ["has no numeric user"]),
    ...(at(spec, "securityContext.seccompProfile.type") === "RuntimeDefault"
      ? []
      : ["has no seccomp profile"]),
    ...(["hostNetwork", "hostPID", "hostIPC"].some((field) => at(spec, field) === true)
      ? ["shares a namespace with the host"]
      : []),
  ])(records),
  ...hostPaths(records),
  ...perContainer((container) => [
    ...(at(container, "securityContext.readOnlyRootFilesystem") === true ? [] : ["has a writable root"]),
    ...(at(container, "securityContext.allowPrivilegeEscalation") === false ? [] : ["may gain privileges"]),
    ...(list(container, "securityContext.capabilities.drop").includes("ALL") ? [] : ["keeps capabilities"]),
    ...(list(container, "securityContext.capabilities.add").length === 0 ? [] : ["adds capabilities"]),
    ...(at(container, "securityContext.privileged") === undefined ? [] : ["is privileged"]),
  ])(records),
];

/** No token by default, no service links, a priority, an account of its own, time to end. */
export const podBaseline: Rule = perPod(({ spec }) => [
  ...(at(spec, "automountServiceAccountToken") === false ? [] : ["mounts the token of its account"]),
  ...(at(spec, "enableServiceLinks") === false ? [] : ["gets the service links of its namespace"]),
  ...(text(spec, "priorityClassName") === "" ? ["has no priority class"] : []),
  ...(["", "default"].includes(text(spec, "serviceAccountName")) ? ["has no account of its own"] : []),
  ...(Number(at(spec, "terminationGracePeriodSeconds")) >= 60 ? [] : ["has less than 60 s to end"]),
]);

/** Requests for all, limits for what others would suffer from. */
export const limited: Rule = perContainer((container) =>
  [
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.memory",
    "limits.ephemeral-storage",
  ]
    .filter((field) => text(container, `resources.${field}`) === "")
    .map((field) => `has no ${field}`),
);

/** What serves says when it is ready and when it is dead, by different means. */
export const probed: Rule = perPod((pod) =>
  ["Job", "CronJob"].includes(kindOf(pod.record))
    ? []
    : pod.containers.flatMap((container) => {
        const probe = (kind: string): string => JSON.stringify(at(container, kind) ?? null);
        const missing = ["startupProbe", "livenessProbe", "readinessProbe"].filter(
          (kind) => probe(kind) === "null",
        );
        return [
          ...missing.map((kind) => `container ${nameOf(container)} has no ${kind}`),
          ...(probe("livenessProbe") === probe("readinessProbe")
            ? [`container ${nameOf(container)} has the same liveness and readiness probe`]
            : []),
          ...(/"host":/.test(probe("livenessProbe") + probe("readinessProbe"))
            ? [`container ${nameOf(container)} probes another host`]
            : []),
        ];
      }),
);

const standardLabels = [
  "app.kubernetes.io/name",
  "app.kubernetes.io/instance",
  "app.kubernetes.io/component",
  "app.kubernetes.io/part-of",
];

/** Standard labels, and a selector that finds the workload's own pods but never changes. */
export const labelled: Rule = (records) =>
  podTemplates(records).flatMap((pod): readonly Violation[] => {
    const selector = map(pod.record.inputs, "spec.selector.matchLabels");
    return [
      ...standardLabels
        .filter((key) => pod.labels[key] === undefined)
        .map((key) => violation(pod.record, `its pods lack the label ${key}`)),
      ...(selects(selector, pod.labels)
        ? []
        : [violation(pod.record, "its selector does not match its own pods")]),
      ...(selector["app.kubernetes.io/part-of"] === undefined
        ? []
        : [violation(pod.record, "its selector holds a label that may change")]),
    ];
  });

/** Values that look like secrets stand in no pod; they come from Secrets. */
export const envFromSecrets: Rule = perContainer((container) =>
  list(container, "env")
    .filter((entry) => at(entry, "value") !== undefined)
    .filter((entry) => /(PASSWORD|SECRET|TOKEN|PRIVATE|DATABASE_URL|_KEY)$/.test(text(entry, "name")))
    .map((entry) => `has ${text(entry, "name")} as a plain value`),
);

/** A disruption budget on a single replica would block the drain of the node for ever. */
export const sensibleBudgets: Rule = (records) =>
  ofKind(records, "PodDisruptionBudget").flatMap((budget) => {
    const selector = map(budget.inputs, "spec.selector.matchLabels");
    const covered = podTemplates(records).filter((pod) => selects(selector, pod.labels));
    return [
      ...(covered.every((pod) => Number(at(pod.record.inputs, "spec.replicas")) >= 2) && covered.length > 0
        ? []
        : [violation(budget, "covers fewer than two replicas")]),
      ...(at(budget.inputs, "spec.minAvailable") === undefined
        ? []
        : [violation(budget, "sets minAvailable, which can block a drain")]),
    ];
  });
