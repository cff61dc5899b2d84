import { DrillExporter, PostgresExporter, type Drill, type Postgres } from "../../components/data/index.ts";
import {
  Alertmanager,
  allTargets,
  KubeStateMetrics,
  NodeExporter,
  Prometheus,
  type MonitoringPartArgs,
  type Watched,
} from "../../components/observability/index.ts";
import type { CertificateTerm, ImageName, Layer } from "../../components/workload/index.ts";
import type { MonitoringConfig } from "../config.ts";
import { longestGapDays } from "../config/cron.ts";
import { monitoringFlowArgs } from "../flows.ts";
import type { Part } from "../profiles.ts";
import { owns, type Build, type Ground } from "./build.ts";

export interface Monitoring {
  readonly prometheus: Prometheus;
  readonly alertmanager: Alertmanager;
}

/** What has an exporter of its own. */
interface Exported {
  readonly postgres: Postgres;
  readonly drill: Drill | undefined;
}

/** Metrics, alert rules, and the way of an alert to a person. Undefined where nothing is watched. */
export const createMonitoring = (
  build: Build,
  ground: Ground,
  { postgres, drill }: Exported,
  certificates: readonly CertificateTerm[],
): Monitoring | undefined => {
  const { monitoring } = build.config;
  if (monitoring === undefined) return undefined;
  createPostgresExporter(build, ground, postgres, monitoring);
  if (drill !== undefined) createDrillExporter(build, ground, drill, monitoring);
  createStateMetrics(build, ground, monitoring);
  if (owns(build.config)) createNodeExporter(build, ground, monitoring);
  const alertmanager = createAlertmanager(build, ground, monitoring);
  return {
    prometheus: createPrometheus(build, ground, monitoring, { alertmanager, certificates }),
    alertmanager,
  };
};

const part = (
  { config, image }: Build,
  ground: Ground,
  { rotation }: MonitoringConfig,
  what: { readonly image: ImageName; readonly profile: Part; readonly layer: Layer },
): MonitoringPartArgs => ({
  prefix: config.prefix,
  ...ground.namespace(what.layer),
  image: image(what.image),
  size: what.profile.size,
  priorityClass: ground.defaults.priorityClasses.app,
  rotation,
});

/** Every namespace of this stack, by layer. */
const watchedNamespaces = (ground: Ground, layers: readonly Layer[]): Watched =>
  Object.fromEntries(layers.map((layer) => [layer, ground.namespace(layer).namespace]));

const createPostgresExporter = (
  { name, config, profile, image, opts }: Build,
  ground: Ground,
  postgres: Postgres,
  { rotation }: MonitoringConfig,
): PostgresExporter =>
  new PostgresExporter(
    `${name}-postgres-exporter`,
    {
      prefix: config.prefix,
      namespace: ground.namespace("data").namespace,
      image: image("postgresExporter"),
      size: profile.exporter.size,
      priorityClass: ground.defaults.priorityClasses.app,
      database: postgres.endpoint,
      passwordSecret: "postgres-passwords",
      tlsSecret: "postgres-tls",
      walGiB: config.data.postgres.walGiB,
      rotation: `${String(rotation)}.${String(config.data.postgres.rotation)}`,
    },
    { ...opts, dependsOn: [...ground.ready, postgres] },
  );

const createDrillExporter = (
  { name, config, profile, image, opts }: Build,
  ground: Ground,
  drill: Drill,
  { rotation }: MonitoringConfig,
): DrillExporter =>
  new DrillExporter(
    `${name}-drill-exporter`,
    {
      prefix: config.prefix,
      namespace: ground.namespace("drill").namespace,
      image: image("nodeExporter"),
      size: profile.drillExporter.size,
      priorityClass: ground.defaults.priorityClasses.app,
      evidenceClaim: drill.evidenceClaim,
      rotation,
    },
    { ...opts, dependsOn: [...ground.ready, drill] },
  );

const createStateMetrics = (build: Build, ground: Ground, monitoring: MonitoringConfig): KubeStateMetrics => {
  const { name, config, profile, opts } = build;
  return new KubeStateMetrics(
    `${name}-state-metrics`,
    {
      ...part(build, ground, monitoring, {
        image: "kubeStateMetrics",
        profile: profile.kubeStateMetrics,
        layer: "monitoring",
      }),
      watched: watchedNamespaces(ground, ground.layers),
      nodes: owns(config),
    },
    { ...opts, dependsOn: ground.ready },
  );
};

const createNodeExporter = (build: Build, ground: Ground, monitoring: MonitoringConfig): NodeExporter =>
  new NodeExporter(
    `${build.name}-node-exporter`,
    part(build, ground, monitoring, {
      image: "nodeExporter",
      profile: build.profile.nodeExporter,
      layer: "node",
    }),
    { ...build.opts, dependsOn: ground.ready },
  );

const createAlertmanager = (build: Build, ground: Ground, monitoring: MonitoringConfig): Alertmanager => {
  const { name, config, profile, opts } = build;
  return new Alertmanager(
    `${name}-alertmanager`,
    {
      ...part(build, ground, monitoring, {
        image: "alertmanager",
        profile: profile.alertmanager,
        layer: "monitoring",
      }),
      config: {
        receiver: monitoring.receiver,
        deadMansSwitch: monitoring.deadMansSwitch,
        privateReceivers: monitoring.receiverCidrs.length > 0,
      },
      secrets: {
        webhookUrl: config.secrets.alertWebhookUrl,
        smtpPassword: config.secrets.alertSmtpPassword,
        deadMansSwitchUrl: config.secrets.deadMansSwitchUrl,
      },
      storageClass: ground.defaults.storageClass,
      caCertificate: config.caCertificate,
    },
    { ...opts, dependsOn: ground.ready },
  );
};

const createPrometheus = (
  build: Build,
  ground: Ground,
  monitoring: MonitoringConfig,
  { alertmanager, certificates }: { alertmanager: Alertmanager; certificates: readonly CertificateTerm[] },
): Prometheus => {
  const { name, config, profile, opts } = build;
  const targets = allTargets(monitoringFlowArgs(config, monitoring));
  const { backup } = config.data;
  return new Prometheus(
    `${name}-prometheus`,
    {
      ...part(build, ground, monitoring, {
        image: "prometheus",
        profile: profile.prometheus,
        layer: "monitoring",
      }),
      targets,
      watched: watchedNamespaces(ground, [...new Set(targets.map(({ layer }) => layer))]),
      rules: {
        backup: backup !== undefined,
        stream: backup?.wal === "stream",
        drill:
          backup?.drill.enabled === true ? { gapDays: longestGapDays(backup.drill.schedule) } : undefined,
        node: owns(config),
      },
      certificates,
      retentionDays: monitoring.retentionDays,
      storageGiB: monitoring.storageGiB,
      storageClass: ground.defaults.storageClass,
      caCertificate: config.caCertificate,
    },
    { ...opts, dependsOn: [...ground.ready, alertmanager] },
  );
};
