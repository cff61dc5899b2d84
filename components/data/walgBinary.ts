import type * as k8s from "@pulumi/kubernetes";
import { hardened, resources, value, type EnvVar, type ResolvedImage } from "../workload/index.ts";
import { shellFile } from "./backupScripts.ts";

/** Where wal-g comes from: the image carries it, or it is downloaded once and kept on a volume. */
export type WalgSource =
  | { readonly kind: "image" }
  | {
      readonly kind: "download";
      readonly url: string;
      /** Of the file at `url`, 64 hex characters. */
      readonly sha256: string;
      /** Image with curl and a bundle of public CAs. */
      readonly curl: ResolvedImage;
    };

const directoryOf = (root: string, sha256: string): string => `${root}/.wal-g/${sha256.slice(0, 16)}`;

/**
 * How scripts find wal-g. With a downloaded one comes the CA bundle of the image that fetched it: the official
 * PostgreSQL image has none.
 * @param root directory of the volume that keeps it
 */
export const walgSourceEnv = (source: WalgSource, root: string): readonly EnvVar[] =>
  source.kind === "image"
    ? [value("PLATFORM_WALG", "wal-g")]
    : [
        value("PLATFORM_WALG", `${directoryOf(root, source.sha256)}/wal-g`),
        value("SSL_CERT_FILE", `${directoryOf(root, source.sha256)}/ca-certificates.crt`),
      ];

/**
 * Init containers that put wal-g on the volume `mount` when it is not there yet: nothing is downloaded at a restart,
 * and nothing runs that has not the pinned digest.
 */
export const walgInstaller = (
  source: WalgSource,
  uid: number,
  mount: { readonly name: string; readonly mountPath: string },
): k8s.types.input.core.v1.Container[] =>
  source.kind === "image"
    ? []
    : [
        {
          name: "wal-g",
          image: source.curl.ref,
          imagePullPolicy: "IfNotPresent",
          securityContext: hardened({ uid }).container,
          command: ["sh", "-c", shellFile("walg-binary.sh")],
          env: [
            value("WALG_URL", source.url),
            value("WALG_SHA256", source.sha256),
            value("WALG_DIRECTORY", directoryOf(mount.mountPath, source.sha256)),
          ],
          resources: resources({ cpuMillis: 50, memoryMiB: 32, memoryLimitMiB: 96 }, 64),
          volumeMounts: [mount],
        },
      ];
