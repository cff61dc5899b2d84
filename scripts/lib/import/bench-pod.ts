/** The pod of an import as a manifest, and what is where in it. Pure. */

import { postgresLayout } from "../../../components/data/layout.ts";
import { hardened } from "../../../components/workload/hardened.ts";
import { labels } from "../../../components/workload/labels.ts";
import { podName } from "./names.ts";

/** Paths in the pod. */
export const benchLayout = {
  sockets: "/run/import",
  source: "/run/import/source",
  target: "/run/import/target",
  passwordFile: "/run/import/password",
  scratch: "/tmp/import",
} as const;

/** A pod that everybody forgot ends by itself. */
const deadlineSeconds = 24 * 3600;
const memoryMiB = 384;

export interface DatabasePod {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly image: string;
  readonly node: string;
  /** The volume that holds the server's socket. */
  readonly socketVolume: string;
}

/** The manifest. */
export const benchPod = (database: DatabasePod, prefix: string): Readonly<Record<string, unknown>> => {
  const { uid } = postgresLayout;
  const secure = hardened({
    uid,
    fsGroup: uid,
    writablePaths: [
      { path: benchLayout.sockets, sizeMiB: 16 },
      { path: "/tmp", sizeMiB: 256 },
    ],
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: podName,
      namespace: database.namespace,
      labels: labels({ prefix, app: podName, component: "import" }).all,
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      activeDeadlineSeconds: deadlineSeconds,
      terminationGracePeriodSeconds: 5,
      nodeName: database.node,
      securityContext: secure.pod,
      containers: [
        {
          name: podName,
          image: database.image,
          imagePullPolicy: "IfNotPresent",
          // The first process: it waits, and takes in what the programs leave behind.
          command: ["bash", "-c", "trap 'exit 0' TERM; while true; do sleep 3600 & wait $!; done"],
          securityContext: secure.container,
          resources: {
            requests: { cpu: "50m", memory: `${String(memoryMiB)}Mi` },
            limits: { memory: `${String(memoryMiB)}Mi` },
          },
          volumeMounts: secure.mounts,
        },
      ],
      volumes: secure.volumes,
    },
  };
};

/** Where the kubelet keeps an emptyDir, as root on the host sees it. */
export const volumePath = (podUid: string, volume: string): string =>
  `/var/lib/kubelet/pods/${podUid}/volumes/kubernetes.io~empty-dir/${volume}`;
