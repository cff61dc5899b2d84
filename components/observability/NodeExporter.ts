import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { allowing, hardened, httpProbe, ownAnnotation, podDefaults, resources } from "../workload/index.ts";
import { monitoringLabels, monitoringLayout } from "./layout.ts";
import { createAccount, metadata, type MonitoringPartArgs } from "./place.ts";

const part = "node-exporter";
const layout = monitoringLayout.nodeExporter;

/** Why its namespace is not `restricted`: it stands on the namespace. */
export const nodeNamespaceReason =
  "node-exporter reads sizes of the host's file systems and /proc through read-only hostPath mounts; it has no other right";

/**
 * Creates node-exporter on every node: file systems, memory, load, clock. On the pod network, so that no port of the
 * host is open and the NetworkPolicy holds; therefore without the host's network figures.
 * State: none; restore: redeploy.
 */
export class NodeExporter extends pulumi.ComponentResource {
  constructor(name: string, args: MonitoringPartArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:observability:NodeExporter", name, { image: args.image.ref }, opts);
    const account = createAccount(this, name, args, part);
    const labels = monitoringLabels(args.prefix, part);
    new k8s.apps.v1.DaemonSet(
      `${name}-agent`,
      {
        metadata: metadata(args, part, part),
        spec: {
          selector: { matchLabels: labels.selector },
          template: {
            metadata: {
              labels: labels.all,
              annotations: { [ownAnnotation.rotation]: String(args.rotation) },
            },
            spec: podSpec(args, account.metadata.name),
          },
        },
      },
      { parent: this, customTimeouts: { create: "10m", update: "10m" } },
    );
    this.registerOutputs({});
  }
}

/** What is no disk, or is one that another line already shows (volumes of pods are mounted again below the kubelet). */
const notDisks =
  "^/(dev|proc|run|sys|snap|var/lib/(kubelet|rancher|containerd|docker)|etc/(hosts|hostname|resolv.conf))($|/)";
const notFiles =
  "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|ramfs|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tmpfs|tracefs)$";

const collectors = [
  "cpu",
  "diskstats",
  "filesystem",
  "loadavg",
  "meminfo",
  "pressure",
  "stat",
  "time",
  "timex",
  "uname",
  "vmstat",
];

export const nodeExporterFlags: string[] = [
  `--web.listen-address=:${String(layout.port)}`,
  `--path.procfs=${layout.procDirectory}`,
  `--path.rootfs=${layout.rootDirectory}`,
  "--collector.disable-defaults",
  ...collectors.map((name) => `--collector.${name}`),
  `--collector.filesystem.mount-points-exclude=${notDisks}`,
  `--collector.filesystem.fs-types-exclude=${notFiles}`,
];

const podSpec = (
  args: MonitoringPartArgs,
  serviceAccount: pulumi.Input<string>,
): k8s.types.input.core.v1.PodSpec => {
  const security = hardened({ uid: monitoringLayout.uid });
  return {
    ...podDefaults({ ...args, serviceAccount, security, graceSeconds: 60 }),
    // Also on nodes that take nothing else.
    tolerations: [{ operator: "Exists" }],
    containers: [
      {
        name: part,
        image: args.image.ref,
        imagePullPolicy: "IfNotPresent",
        args: nodeExporterFlags,
        securityContext: security.container,
        ports: [{ name: "metrics", containerPort: layout.port, protocol: "TCP" }],
        startupProbe: httpProbe("/", "metrics", allowing(60)),
        livenessProbe: httpProbe("/", "metrics", { failureThreshold: 6 }),
        readinessProbe: httpProbe("/", "metrics", { periodSeconds: 5 }),
        resources: resources(args.size, 32),
        volumeMounts: [
          { name: "proc", mountPath: layout.procDirectory, readOnly: true },
          {
            name: "root",
            mountPath: layout.rootDirectory,
            readOnly: true,
            mountPropagation: "HostToContainer",
          },
        ],
      },
    ],
    volumes: [
      { name: "proc", hostPath: { path: "/proc", type: "Directory" } },
      { name: "root", hostPath: { path: "/", type: "Directory" } },
    ],
  };
};
