import { renderScript, shellPart, stateDirectory } from "../remote/index.ts";
import type { Mode, RemoteFile } from "../remote/index.ts";
import { renderAdmission } from "./admission.ts";
import { renderAuditPolicy } from "./auditPolicy.ts";
import { renewalFiles, renewalName } from "./certificates.ts";
import { renderKubeletConfig } from "./kubeletConfig.ts";
import { immutableSettings, renderK3sConfig } from "./k3sConfig.ts";
import { paths } from "./paths.ts";
import { renderRegistries } from "./registries.ts";
import { releaseDigest, releaseUrl } from "./releases.ts";
import type { ClusterSecrets, ClusterSpec } from "./types.ts";
import { renderUnit } from "./unit.ts";

/** Seconds until k3s must answer, and as many until its node is Ready. First starts take up to 135 s. */
export const startSeconds = 300;

/** Seconds for the bundled parts, whose images may have to be pulled. */
const addonSeconds = 600;

/** Longest run: download, start, way back, bundled parts. */
export const installTimeoutSeconds = 3600;

/** The files that decide how k3s runs: a change of one restarts it, and a failed start puts all of them back. */
export const managedPaths: readonly string[] = [
  paths.unit,
  paths.config,
  paths.registries,
  paths.admission,
  paths.auditPolicy,
  paths.kubelet,
];

const k3sFiles = (spec: ClusterSpec, secrets: ClusterSecrets): readonly RemoteFile[] => [
  { path: paths.unit, mode: "644", content: renderUnit(spec.prefix) },
  { path: paths.config, mode: "600", content: renderK3sConfig(spec, secrets) },
  { path: paths.admission, mode: "600", content: renderAdmission() },
  { path: paths.auditPolicy, mode: "600", content: renderAuditPolicy() },
  { path: paths.kubelet, mode: "600", content: renderKubeletConfig() },
  ...(spec.registry === undefined
    ? []
    : [
        {
          path: paths.registries,
          mode: "600",
          content: renderRegistries(spec.registry, secrets.registryPassword ?? ""),
        },
      ]),
];

const artifactValues = (spec: ClusterSpec): Record<string, string> => ({
  SOURCE: spec.artifacts.source,
  URL: spec.artifacts.source === "release" ? releaseUrl(spec.version, spec.architecture) : "",
  SHA256: spec.artifacts.source === "release" ? (releaseDigest(spec.version, spec.architecture) ?? "") : "",
  MANIFEST_SHA256: spec.artifacts.source === "directory" ? spec.artifacts.manifestSha256 : "",
});

/** Where the artifacts directory is uploaded to. Per generation: a rebuilt host gets everything again. */
export const uploadPath = (spec: Pick<ClusterSpec, "prefix" | "generation">): string =>
  `${stateDirectory(spec.prefix)}/upload/${String(spec.generation)}`;

/**
 * Installs, configures, starts and proves k3s; from nothing, from any half-finished state, and as an update. Changes
 * nothing when a guard or a digest fails; goes back to the last good configuration, and fails, when k3s does not start.
 */
export const renderInstall = (spec: ClusterSpec, secrets: ClusterSecrets, mode: Mode): string =>
  renderScript({
    phase: "k3s",
    prefix: spec.prefix,
    mode,
    exclusive: true,
    values: {
      GENERATION: spec.generation,
      K3S: paths.binary,
      CONFIG: paths.config,
      VERSION: spec.version,
      ARCHITECTURE: spec.architecture,
      ...artifactValues(spec),
      NODE_NAME: spec.nodeName,
      NODE_IP: spec.nodeIp,
      REGISTRY: spec.registry === undefined ? "no" : "yes",
      MANAGED: managedPaths,
      IMMUTABLE: immutableSettings(spec).map(({ key, name, value }) => `${key}|${name}|${String(value)}`),
      TIMER: `${renewalName(spec.prefix)}.timer`,
      START_SECONDS: startSeconds,
      ADDON_SECONDS: addonSeconds,
      TOKEN: secrets.token,
      SECRETS: [
        secrets.token,
        secrets.agentToken,
        ...(spec.registry ? [secrets.registryPassword ?? ""] : []),
      ],
    },
    files: { k3s_files: k3sFiles(spec, secrets), support_files: renewalFiles(spec.prefix) },
    parts: ["guards.sh", "artifacts.sh", "lifecycle.sh"].map((file) => shellPart(import.meta.url, file)),
    steps: [
      "check_guards",
      "place_artifacts",
      "write_configuration",
      "ensure_running",
      "wait_until_ready",
      "remember_good",
      "ensure_timer",
      "forget_old_images",
      "tell_result",
    ],
  });

/** What the cluster layer owns on the host, for the fingerprint. */
export const clusterOwns = (spec: Pick<ClusterSpec, "prefix">) => ({
  paths: [...managedPaths, ...renewalFiles(spec.prefix).map((f) => f.path), paths.logs],
  trees: [paths.images],
  units: ["k3s.service", `${renewalName(spec.prefix)}.timer`],
});
