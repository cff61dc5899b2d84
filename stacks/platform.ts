import * as pulumi from "@pulumi/pulumi";
import { auditGaps, database } from "../components/data/index.ts";
import type { Edge } from "../components/ingress/index.ts";
import { prefixed, resolveImage, type ImageName, type ResolvedImage } from "../components/workload/index.ts";
import type { PlatformConfig } from "./config.ts";
import { apiServerAddresses, createFoundation, type Foundation } from "./foundation.ts";
import { createApp } from "./layers/app.ts";
import { createArchive, createBackup } from "./layers/backup.ts";
import type { Build, Ground } from "./layers/build.ts";
import { createCaches } from "./layers/cache.ts";
import { createDatabase, createMaintenance } from "./layers/data.ts";
import { createDrill } from "./layers/drill.ts";
import { createEdge, createRoute } from "./layers/edge.ts";
import { createGround } from "./layers/ground.ts";
import { createMonitoring } from "./layers/monitoring.ts";
import { createPooler } from "./layers/pooler.ts";
import type { PlatformOutputs } from "./outputs.ts";
import { chosenProfile } from "./profiles.ts";

/**
 * The whole platform of one stack: host and cluster (or another stack's), namespaces and network policies, database,
 * application, edge. All knowledge that crosses layers is here.
 * State: see the layers; restore: the runbooks.
 */
export class Platform extends pulumi.ComponentResource {
  public readonly outputs: PlatformOutputs;

  constructor(name: string, config: PlatformConfig, opts?: pulumi.ComponentResourceOptions) {
    // Config stays out of the inputs: it holds secrets.
    super("platform:stacks:Platform", name, { stack: config.stack, prefix: config.prefix }, opts);
    const image = (wanted: ImageName): ResolvedImage =>
      resolveImage(
        wanted,
        config.images,
        wanted === "postgres" ? config.data.postgres.imageContents : undefined,
      );
    // Before anything is made: a missing image must not stop a run halfway.
    const app = image("app");
    const foundation = createFoundation(this, name, config);
    const build: Build = {
      name,
      config,
      profile: chosenProfile(config),
      image,
      authority: { certificate: config.caCertificate, privateKey: config.secrets.caPrivateKey },
      foundation,
      opts: { parent: this, provider: foundation.provider },
    };
    const ground = createGround(build);
    const archive = createArchive(build, ground);
    const postgres = createDatabase(build, ground, archive);
    createMaintenance(build, ground, postgres);
    createBackup(build, ground, postgres);
    const drill = createDrill(build, ground);
    const pooler = createPooler(build, ground, postgres);
    const caches = createCaches(build, ground);
    const api = createApp(build, ground, { postgres, pooler, caches });
    const edge = createEdge(build, ground);
    const route = createRoute(build, ground, api, edge);
    const served = [postgres, pooler, caches.dragonfly, caches.queue, caches.signalling, api, route];
    const monitoring = createMonitoring(
      build,
      ground,
      { postgres, drill },
      [...served, ...(edge === undefined ? [] : [edge])].map(({ certificate }) => certificate),
    );
    this.outputs = {
      apiUrl: route.url,
      caCertificate: config.caCertificate,
      versions: {
        kubernetes: foundation.kubernetesVersion,
        postgres: image("postgres").tag,
        pgbouncer: image("pgbouncer").tag,
        app: app.tag,
        dragonfly: image("dragonfly").tag,
        redis: image("redis").tag,
        traefik: edge === undefined ? undefined : image("traefik").tag,
      },
      endpoints: {
        api: api.endpoint,
        database: { ...postgres.endpoint, database },
        pooler: { ...pooler.endpoint, database },
        cache: caches.dragonfly.endpoint,
        queue: caches.queue.endpoint,
        signalling: caches.signalling.endpoint,
        prometheus: monitoring?.prometheus.endpoint,
        alertmanager: monitoring?.alertmanager.endpoint,
      },
      namespaces: {
        data: prefixed(config.prefix, "data"),
        cache: prefixed(config.prefix, "cache"),
        app: prefixed(config.prefix, "app"),
        monitoring: monitoring === undefined ? undefined : prefixed(config.prefix, "monitoring"),
      },
      complianceGaps: auditGaps(image("postgres")),
      ...sharing(foundation, ground, edge),
    };
    this.registerOutputs({ apiUrl: this.outputs.apiUrl });
  }
}

const sharing = (
  { owned, kubernetesVersion }: Foundation,
  ground: Ground,
  edge: Edge | undefined,
): Pick<PlatformOutputs, "sharedCluster" | "sharedClusterKubeconfig"> =>
  owned === undefined || edge === undefined
    ? { sharedCluster: undefined, sharedClusterKubeconfig: undefined }
    : {
        sharedCluster: {
          version: kubernetesVersion,
          clusterCidr: owned.cluster.clusterCidr,
          apiServer: apiServerAddresses(owned.cluster),
          edgeNamespace: ground.namespace("ingress").namespace,
          ingressClass: edge.className,
        },
        sharedClusterKubeconfig: pulumi.secret(owned.kubeconfig),
      };
