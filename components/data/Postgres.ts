import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  dataOpts,
  flowId,
  labels,
  serviceHost,
  serviceNames,
  ServerCertificate,
  type Call,
  type CertificateAuthority,
  type CertificateTerm,
  type FlowDeclaration,
  type Labels,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import type { ArchiveHook, Bootstrap } from "./archiveHook.ts";
import { renderInitScript } from "./initScript.ts";
import { renderKeeperScript } from "./keeperScript.ts";
import { postgresLayout, type LoginRole } from "./layout.ts";
import { pgIdent, renderPgHba } from "./pgHba.ts";
import { podTemplate, type PodParts } from "./postgresPod.ts";
import { renderPostgresqlConf } from "./postgresqlConf.ts";
import { renderRolesSql } from "./rolesSql.ts";
import { maxConnections } from "./sizing.ts";

export interface PostgresArgs {
  readonly prefix: string;
  /** Full name of the namespace, as a plain string: it stands in the certificate. */
  readonly namespaceName: string;
  /** The same name from the created namespace, for order. */
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  readonly size: Size;
  /** GiB; local volumes cannot shrink and do not enforce it. */
  readonly storageGiB: number;
  /** GiB of the write-ahead log's own volume. */
  readonly walGiB: number;
  readonly storageClass: pulumi.Input<string>;
  readonly priorityClass: pulumi.Input<string>;
  /** Range of pod addresses: nobody else may log in. */
  readonly clusterCidr: pulumi.Input<string>;
  /** By role. Without one for `backup` that role cannot log in. */
  readonly passwords: Readonly<
    Record<Exclude<LoginRole, "backup">, pulumi.Output<string>> & { backup?: pulumi.Output<string> }
  >;
  /** People who may read, each with a login of that name. @default nobody */
  readonly readers?: Readers;
  /** `schema.table`, where the image carries pgaudit. @default every table of schema public */
  readonly auditedTables?: readonly string[] | undefined;
  /** Continuous archiving. @default none */
  readonly archive?: ArchiveHook;
  /** What an empty volume becomes; `restore` needs `archive`. @default "initdb" */
  readonly bootstrap?: Bootstrap;
  readonly authority: CertificateAuthority;
  /** Raise it to restart the server. */
  readonly rotation: number;
}

export interface Readers {
  readonly names: readonly string[];
  /** JSON object, name to password; secret. */
  readonly passwords: pulumi.Output<string>;
}

/** How others reach the database. */
export interface DatabaseEndpoint {
  readonly host: string;
  readonly port: number;
}

const service = "postgres";

/** What the database listens on and whom it calls (with an archive: the store), known before anything exists. */
export const postgresFlows = (prefix: string, calls: readonly Call[] = []): FlowDeclaration => ({
  layer: "data",
  workload: service,
  selector: postgresLabels(prefix).selector,
  listens: [{ name: "postgres", port: postgresLayout.port, encrypted: true, carriesPhi: true }],
  calls,
});

/** `{ workload, port }` for those who call it. */
export const postgresPort = {
  workload: flowId({ layer: "data", workload: service }),
  port: "postgres",
} as const;

/** Selects its pod. */
export const postgresSelector = (prefix: string): Labels["selector"] => postgresLabels(prefix).selector;

/** What the audit of the database lacks with this image. */
export const auditGaps = (image: ResolvedImage): readonly string[] =>
  image.carries.pgaudit === true
    ? []
    : [
        "45 CFR 164.312(b): images.postgres carries no pgaudit, so nobody can tell who read which table; only logins and changes of structure are logged. npm run images:build makes an image that carries it; or name another one and set data.postgres.imageContents: [pgaudit]",
      ];

const postgresLabels = (prefix: string): Labels => labels({ prefix, app: service, component: "database" });

/**
 * Creates one PostgreSQL server that is driven by our own scripts: TLS only, scram, data checksums, least-privilege
 * roles, database and extensions.
 * Does not back up (that is WAL-G's) and does not pool. State: two retained, protected volumes with patient data;
 * restore: mount the volumes again, or restore a backup by the runbook.
 * A new password in config is applied by the running server; raise the rotations to restart its clients.
 */
export class Postgres extends pulumi.ComponentResource {
  public readonly endpoint: DatabaseEndpoint;
  public readonly certificate: CertificateTerm;

  constructor(name: string, args: PostgresArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:Postgres", name, { storageGiB: args.storageGiB, image: args.image.ref }, opts);
    checkArgs(args);
    const certificate = new ServerCertificate(
      `${name}-tls`,
      {
        namespace: args.namespace,
        secretName: "postgres-tls",
        dnsNames: serviceNames(service, args.namespaceName),
        authority: args.authority,
      },
      { parent: this },
    );
    const parts: PodParts = {
      labels: postgresLabels(args.prefix),
      serviceAccount: createAccount(this, name, args).metadata.name,
      config: createConfig(this, name, args).metadata.name,
      roles: createRoles(this, name, args).metadata.name,
      passwords: createPasswords(this, name, args).metadata.name,
      tls: certificate.secretName,
      dataClaim: createClaim(this, name, args, "data", args.storageGiB).metadata.name,
      walClaim: createClaim(this, name, args, "wal", args.walGiB).metadata.name,
    };
    const headless = createService(this, name, args, "headless");
    createService(this, name, args, "cluster");
    createServer(this, name, args, parts, headless.metadata.name);
    this.endpoint = { host: serviceHost(service, args.namespaceName), port: postgresLayout.port };
    this.certificate = certificate.term;
    this.registerOutputs({ endpoint: this.endpoint });
  }
}

const checkArgs = (args: PostgresArgs): void => {
  const problems = [
    ...(Number.parseInt(args.image.tag, 10) === postgresLayout.major
      ? []
      : [
          `images.postgres: tag "${args.image.tag}" is not PostgreSQL ${String(postgresLayout.major)}; a major version changes as docs/runbooks/postgres-upgrade.md says, not by the image`,
        ]),
    ...(args.storageGiB >= 1 ? [] : [`data.postgres.storageGiB: ${String(args.storageGiB)} is below 1`]),
    ...(args.bootstrap === "restore" && args.archive === undefined
      ? ["data.postgres.bootstrap: restore needs data.backup, which says where the backups are"]
      : []),
    ...(args.size.memoryMiB >= 256
      ? []
      : [`postgres: ${String(args.size.memoryMiB)} MiB of memory is below 256`]),
  ];
  if (problems.length > 0) throw new Error(problems.join("\n"));
};

const metadata = (
  args: PostgresArgs,
  objectName?: string,
): { namespace: pulumi.Input<string>; labels: Record<string, string>; name?: string } => ({
  ...(objectName === undefined ? {} : { name: objectName }),
  namespace: args.namespace,
  labels: { ...postgresLabels(args.prefix).all },
});

const createAccount = (parent: Postgres, name: string, args: PostgresArgs): k8s.core.v1.ServiceAccount =>
  new k8s.core.v1.ServiceAccount(
    `${name}-account`,
    { metadata: metadata(args, service), automountServiceAccountToken: false },
    { parent },
  );

/** Named by the engine: a change makes a new one, and the new name restarts the server. */
const createConfig = (parent: Postgres, name: string, args: PostgresArgs): k8s.core.v1.ConfigMap =>
  new k8s.core.v1.ConfigMap(
    `${name}-config`,
    {
      metadata: metadata(args),
      data: {
        "postgresql.conf": renderPostgresqlConf({
          layout: postgresLayout,
          memoryMiB: args.size.memoryMiB,
          maxConnections,
          walGiB: args.walGiB,
          pgaudit: args.image.carries.pgaudit ?? false,
          archiveLines: args.archive?.confLines,
        }),
        "pg_hba.conf": pulumi.output(args.clusterCidr).apply(renderPgHba),
        "pg_ident.conf": pgIdent,
        "init.sh": renderInitScript({
          layout: postgresLayout,
          bootstrap: args.bootstrap ?? "initdb",
          archiveScripts: Object.keys(args.archive?.scripts ?? {}),
        }),
        "keeper.sh": renderKeeperScript({ layout: postgresLayout, walGiB: args.walGiB }),
        ...args.archive?.scripts,
      },
    },
    { parent },
  );

/**
 * Fixed name, changed in place: a new reader or grant reaches the running server without a restart.
 * Nothing in it is secret, but a ConfigMap could only be replaced, and what mounts it with it: the protected server.
 */
const createRoles = (parent: Postgres, name: string, args: PostgresArgs): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    `${name}-roles`,
    {
      metadata: metadata(args, "postgres-roles"),
      stringData: {
        "roles.sql": renderRolesSql({
          layout: postgresLayout,
          readers: args.readers?.names ?? [],
          backup: args.passwords.backup !== undefined,
          streams: args.archive?.streams ?? false,
          auditedTables: args.auditedTables,
        }),
      },
    },
    { parent },
  );

/** Fixed name, changed in place: the running server takes over a new password without a restart. */
const createPasswords = (parent: Postgres, name: string, args: PostgresArgs): k8s.core.v1.Secret =>
  new k8s.core.v1.Secret(
    `${name}-passwords`,
    {
      metadata: metadata(args, "postgres-passwords"),
      stringData: passwordFiles(args),
    },
    { parent },
  );

/** One file per login, named like the role. */
const passwordFiles = (args: PostgresArgs): pulumi.Input<Record<string, pulumi.Input<string>>> => {
  const { names, passwords } = args.readers ?? { names: [], passwords: "{}" };
  const { backup, ...always } = args.passwords;
  const ofRoles = { ...always, ...(backup === undefined ? {} : { backup }) };
  const ofReaders = pulumi.secret(passwords).apply((json) => readerPasswords(names, json));
  return pulumi
    .all([ofRoles, ofReaders])
    .apply((both) => Object.assign({}, ...both) as Record<string, string>);
};

const readerPasswords = (names: readonly string[], json: string): Record<string, string> => {
  const all = new Map(Object.entries(JSON.parse(json) as Record<string, string>));
  return Object.fromEntries(
    names.map((name) => {
      const found = all.get(name);
      if (found === undefined) {
        throw new Error(
          `postgresReaderPasswords: "${name}" of data.postgres.readers has none; stack:init makes it`,
        );
      }
      return [name, found];
    }),
  );
};

/** A claim of its own, not a template of the StatefulSet: it can be protected, and the StatefulSet replaced. */
const createClaim = (
  parent: Postgres,
  name: string,
  args: PostgresArgs,
  role: "data" | "wal",
  sizeGiB: number,
): k8s.core.v1.PersistentVolumeClaim =>
  new k8s.core.v1.PersistentVolumeClaim(
    `${name}-${role}`,
    {
      metadata: metadata(args, `postgres-${role}`),
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: args.storageClass,
        resources: { requests: { storage: `${String(sizeGiB)}Gi` } },
      },
    },
    dataOpts(parent),
  );

const createService = (
  parent: Postgres,
  name: string,
  args: PostgresArgs,
  kind: "headless" | "cluster",
): k8s.core.v1.Service => {
  const meta = metadata(args, kind === "headless" ? `${service}-pods` : service);
  return new k8s.core.v1.Service(
    `${name}-${kind}`,
    {
      // Who needs it waits for the StatefulSet; waiting for endpoints costs ten seconds each.
      metadata: { ...meta, annotations: { "pulumi.com/skipAwait": "true" } },
      spec: {
        ...(kind === "headless" ? { clusterIP: "None" } : { type: "ClusterIP" }),
        selector: postgresLabels(args.prefix).selector,
        ports: [{ name: "postgres", port: postgresLayout.port, targetPort: "postgres", protocol: "TCP" }],
      },
    },
    { parent },
  );
};

const createServer = (
  parent: Postgres,
  name: string,
  args: PostgresArgs,
  parts: PodParts,
  serviceName: pulumi.Output<string>,
): k8s.apps.v1.StatefulSet =>
  new k8s.apps.v1.StatefulSet(
    `${name}-server`,
    {
      metadata: metadata(args, service),
      spec: {
        serviceName,
        replicas: 1,
        selector: { matchLabels: parts.labels.selector },
        template: podTemplate(args, parts),
      },
    },
    // The first start pulls an image and makes a cluster; recovery after a crash takes minutes.
    { ...dataOpts(parent), customTimeouts: { create: "20m", update: "20m" } },
  );
