import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import {
  allowing,
  atLeast,
  hardened,
  httpProbe,
  podDefaults,
  resources,
  tcpProbe,
  value,
} from "../workload/index.ts";
import { database, roles } from "./layout.ts";
import { postgresExporterPort, type PostgresExporterArgs } from "./PostgresExporter.ts";

export interface PostgresExporterPodParts {
  readonly serviceAccount: pulumi.Input<string>;
  readonly queries: pulumi.Input<string>;
}

/** `nobody`, as in the public image. */
const uid = 65534;
const queryDirectory = "/etc/platform/exporter";
const authorityDirectory = "/etc/platform/ca";
const passwordDirectory = "/run/platform/exporter";

/** Collectors whose figures no alert needs; two of them name every table. */
const unwanted = ["stat_user_tables", "statio_user_tables", "replication"];

/** An option that the version does not know ends the exporter, so the list follows the version. */
export const postgresExporterFlags = (tag: string): string[] => [
  `--web.listen-address=:${String(postgresExporterPort)}`,
  `--extend.query-path=${queryDirectory}/queries.yaml`,
  "--disable-default-metrics",
  ...(atLeast(tag, "0.20.0")
    ? ["--no-collector.settings", "--no-collector.stat_activity", "--no-collector.replication_slots"]
    : ["--disable-settings-metrics", "--no-collector.replication_slot"]),
  ...unwanted.map((name) => `--no-collector.${name}`),
];

export const postgresExporterPod = (
  args: PostgresExporterArgs,
  parts: PostgresExporterPodParts,
): k8s.types.input.core.v1.PodSpec => {
  const security = hardened({ uid, fsGroup: uid });
  const { host, port } = args.database;
  return {
    ...podDefaults({ ...args, serviceAccount: parts.serviceAccount, security, graceSeconds: 60 }),
    containers: [
      {
        name: "exporter",
        image: args.image.ref,
        imagePullPolicy: "IfNotPresent",
        args: postgresExporterFlags(args.image.tag),
        env: [
          value(
            "DATA_SOURCE_URI",
            `${host}:${String(port)}/${database}?sslmode=verify-full&sslrootcert=${authorityDirectory}/ca.crt&connect_timeout=5`,
          ),
          value("DATA_SOURCE_USER", roles.monitor),
          value("DATA_SOURCE_PASS_FILE", `${passwordDirectory}/password`),
        ],
        securityContext: security.container,
        ports: [{ name: "metrics", containerPort: postgresExporterPort, protocol: "TCP" }],
        // Not /metrics: the database being down is no reason to restart its exporter.
        startupProbe: httpProbe("/", "metrics", allowing(120)),
        livenessProbe: httpProbe("/", "metrics", { failureThreshold: 6 }),
        readinessProbe: tcpProbe("metrics", { periodSeconds: 5 }),
        resources: resources(args.size, 64),
        volumeMounts: [
          { name: "queries", mountPath: queryDirectory, readOnly: true },
          { name: "authority", mountPath: authorityDirectory, readOnly: true },
          { name: "password", mountPath: passwordDirectory, readOnly: true },
        ],
      },
    ],
    volumes: [
      { name: "queries", configMap: { name: parts.queries, defaultMode: 0o444 } },
      secretFile("authority", args.tlsSecret, "ca.crt", "ca.crt"),
      secretFile("password", args.passwordSecret, roles.monitor, "password"),
    ],
  };
};

/** One key of a Secret: the others are not this pod's to read. */
const secretFile = (
  name: string,
  secretName: string,
  key: string,
  path: string,
): k8s.types.input.core.v1.Volume => ({
  name,
  secret: { secretName, defaultMode: 0o440, items: [{ key, path }] },
});
