import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  createExporter,
  labels,
  scrapeTarget,
  type FlowDeclaration,
  type Labels,
  type ResolvedImage,
  type ScrapeTarget,
  type Size,
} from "../workload/index.ts";
import type { DatabaseEndpoint } from "./Postgres.ts";
import { postgresPort } from "./Postgres.ts";
import { postgresExporterPod } from "./postgresExporterPod.ts";
import { renderExporterQueries } from "./postgresExporterQueries.ts";

export interface PostgresExporterArgs {
  readonly prefix: string;
  readonly namespace: pulumi.Input<string>;
  readonly image: ResolvedImage;
  readonly size: Size;
  readonly priorityClass: pulumi.Input<string>;
  readonly database: DatabaseEndpoint;
  /** The Secret whose key `monitor` is the password. */
  readonly passwordSecret: string;
  /** The Secret whose key `ca.crt` verifies the server. */
  readonly tlsSecret: string;
  /** GiB of the volume of the write-ahead log. */
  readonly walGiB: number;
  /** Another value restarts it: it reads its password at its start. */
  readonly rotation: string;
}

const service = "postgres-exporter";
export const postgresExporterPort = 9187;

const exporterLabels = (prefix: string): Labels => labels({ prefix, app: service, component: "monitoring" });

/** What the exporter listens on and whom it calls, known before anything exists. */
export const postgresExporterFlows = (prefix: string): FlowDeclaration => ({
  layer: "data",
  workload: service,
  selector: exporterLabels(prefix).selector,
  listens: [{ name: "metrics", port: postgresExporterPort, encrypted: false, carriesPhi: false }],
  calls: [{ service: "dns" }, postgresPort],
});

/** Twice as often as others: it tells whether the database is there. */
export const postgresTarget = (prefix: string): ScrapeTarget =>
  scrapeTarget(postgresExporterFlows(prefix), { job: "postgres", port: "metrics", intervalSeconds: 15 });

/**
 * Creates postgres_exporter, which asks the database for its figures as the role `monitor`, over verified TLS.
 * A pod of its own: it tells that the database is down also when the database's pod is.
 * State: none; restore: redeploy.
 */
export class PostgresExporter extends pulumi.ComponentResource {
  constructor(name: string, args: PostgresExporterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:data:PostgresExporter", name, { image: args.image.ref }, opts);
    const all = exporterLabels(args.prefix);
    // Named by the engine: a change makes a new one, and the new name restarts the exporter.
    const queries = new k8s.core.v1.ConfigMap(
      `${name}-queries`,
      {
        metadata: { namespace: args.namespace, labels: all.all },
        data: { "queries.yaml": renderExporterQueries(args.walGiB) },
      },
      { parent: this },
    );
    createExporter(this, name, {
      ...args,
      workload: service,
      labels: all,
      podSpec: (serviceAccount) =>
        postgresExporterPod(args, { serviceAccount, queries: queries.metadata.name }),
    });
    this.registerOutputs({});
  }
}
