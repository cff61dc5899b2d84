import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  hardened,
  podDefaults,
  resources,
  value,
  type EnvVar,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { database, postgresLayout, roles } from "./layout.ts";

type Container = k8s.types.input.core.v1.Container;

export interface MaintenancePodArgs {
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly databaseHost: string;
}

/** The objects that the pods refer to, by name. */
export interface MaintenanceParts {
  readonly labels: Labels;
  readonly serviceAccount: pulumi.Input<string>;
  readonly scripts: pulumi.Input<string>;
}

const layout = postgresLayout;
const scriptDirectory = "/etc/platform/maintenance";
const caDirectory = "/etc/platform/ca";

const security = hardened({
  uid: layout.uid,
  fsGroup: layout.uid,
  writablePaths: [{ path: "/tmp", sizeMiB: 16 }],
});

const caMount = { name: "ca", mountPath: caDirectory, readOnly: true };

const env = (host: string): EnvVar[] => [
  value("PGHOST", host),
  value("PGPORT", String(layout.port)),
  value("PGUSER", roles.maintenance),
  value("PGDATABASE", database),
  value("PGSSLMODE", "verify-full"),
  value("PGSSLROOTCERT", `${caDirectory}/ca.crt`),
];

const base = (args: MaintenancePodArgs) => ({
  image: args.image.ref,
  imagePullPolicy: "IfNotPresent",
  securityContext: security.container,
  env: env(args.databaseHost),
});

/** Rules for a new pod may be programmed after its start: its first connections can be reset. */
const waitForDatabase = (args: MaintenancePodArgs): Container => ({
  ...base(args),
  name: "wait-for-database",
  command: ["sh", "-c", `until ${layout.binDirectory}/pg_isready --quiet --timeout=3; do sleep 2; done`],
  resources: resources({ cpuMillis: 10, memoryMiB: 16, memoryLimitMiB: 32 }, 64),
  // With the CA: asked for verification, pg_isready does not even connect without it, and would wait for ever.
  volumeMounts: [...security.mounts, caMount],
});

/** Pod of one run of `<script>.sh`, over TLS like any other client. */
export const maintenancePod = (
  args: MaintenancePodArgs,
  parts: MaintenanceParts,
  script: "vacuum" | "amcheck",
): k8s.types.input.core.v1.PodTemplateSpec => ({
  metadata: { labels: { ...parts.labels.all } },
  spec: {
    ...podDefaults({ ...parts, priorityClass: args.priorityClass, security, graceSeconds: 60 }),
    restartPolicy: "Never",
    initContainers: [waitForDatabase(args)],
    containers: [
      {
        ...base(args),
        name: script,
        command: ["bash", `${scriptDirectory}/${script}.sh`],
        resources: resources(args.size, 64),
        volumeMounts: [
          ...security.mounts,
          { name: "scripts", mountPath: scriptDirectory, readOnly: true },
          { name: "password", mountPath: "/run/platform/maintenance-password", readOnly: true },
          caMount,
        ],
      },
    ],
    volumes: [
      ...security.volumes,
      { name: "scripts", configMap: { name: parts.scripts, defaultMode: 0o444 } },
      // Of the Secret with all passwords this one alone, of the certificate's the CA alone.
      {
        name: "password",
        secret: {
          secretName: "postgres-passwords",
          items: [{ key: roles.maintenance, path: roles.maintenance }],
          defaultMode: 0o440,
        },
      },
      {
        name: "ca",
        secret: {
          secretName: "postgres-tls",
          items: [{ key: "ca.crt", path: "ca.crt" }],
          defaultMode: 0o444,
        },
      },
    ],
  },
});
