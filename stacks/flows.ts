import { appFlows, appLayout } from "../components/app/index.ts";
import {
  cacheCleanupFlows,
  dragonflyFlows,
  dragonflyPort,
  dragonflyScrape,
  redisFlows,
  redisPort,
  redisScrape,
} from "../components/cache/index.ts";
import {
  archiveCalls,
  backupFlows,
  drillExporterFlows,
  drillExporterTarget,
  drillFlows,
  maintenanceFlows,
  pgbouncerFlows,
  pgbouncerMetrics,
  pgbouncerPort,
  postgresExporterFlows,
  postgresFlows,
  postgresPort,
  postgresTarget,
} from "../components/data/index.ts";
import { edgeFlows } from "../components/ingress/index.ts";
import { monitoringFlows, type MonitoringFlowsArgs } from "../components/observability/index.ts";
import type { FlowDeclaration } from "../components/workload/index.ts";
import type { MonitoringConfig, PlatformConfig } from "./config.ts";
import { archiveFlowArgs } from "./layers/backup.ts";

type FlowConfig = Pick<PlatformConfig, "prefix" | "app" | "cluster" | "data" | "monitoring">;

/** Every flow of the stack: one list for policies, tests and the inventory. */
export const platformFlows = (config: FlowConfig): readonly FlowDeclaration[] => [
  ...databaseFlows(config),
  maintenanceFlows(config.prefix),
  pgbouncerFlows(config.prefix, config.monitoring !== undefined),
  ...appFlows({
    prefix: config.prefix,
    workerEnabled: config.app.workerEnabled,
    database: postgresPort,
    pooler: pgbouncerPort,
    caches: [dragonflyPort, redisPort("queue")],
  }),
  ...cacheFlows(config.prefix, config.monitoring !== undefined),
  ...(config.cluster.source === "own" ? [edgeFlows(config.prefix, appLayout.apiTlsPort)] : []),
  ...(config.monitoring === undefined
    ? []
    : [
        postgresExporterFlows(config.prefix),
        ...(rehearses(config) ? [drillExporterFlows(config.prefix)] : []),
        ...monitoringFlows(monitoringFlowArgs(config, config.monitoring)),
      ]),
];

/** Does this stack have a restore drill? */
const rehearses = ({ data }: Pick<PlatformConfig, "data">): boolean => data.backup?.drill.enabled === true;

/** Nobody calls `signalling` until a media server is there. */
const cacheFlows = (prefix: string, monitored: boolean): readonly FlowDeclaration[] => [
  dragonflyFlows(prefix),
  redisFlows(prefix, "queue", monitored),
  redisFlows(prefix, "signalling", monitored),
  cacheCleanupFlows(prefix),
];

const httpsPort = 443;
/** Inside one's own network the first one is often taken. */
const privateHttpsPorts = [httpsPort, 8443];

/** Whom monitoring scrapes, and where its alerts go. */
export const monitoringFlowArgs = (
  { prefix, cluster, data }: FlowConfig,
  { receiver, deadMansSwitch, receiverCidrs }: MonitoringConfig,
): MonitoringFlowsArgs => {
  const web = receiverCidrs.length === 0 ? [httpsPort] : privateHttpsPorts;
  return {
    prefix,
    targets: [
      postgresTarget(prefix),
      pgbouncerMetrics(prefix),
      dragonflyScrape(prefix),
      redisScrape(prefix, "queue"),
      redisScrape(prefix, "signalling"),
      ...(rehearses({ data }) ? [drillExporterTarget(prefix)] : []),
    ],
    receivers: {
      ports: [
        ...(receiver.kind === "smtp" ? [receiver.port] : []),
        ...(receiver.kind === "webhook" || deadMansSwitch ? web : []),
      ],
      cidrs: receiverCidrs,
    },
    node: cluster.source === "own",
  };
};

/** The database archives and is backed up where the stack has a store for it. */
const databaseFlows = ({
  prefix,
  data,
}: Pick<PlatformConfig, "prefix" | "data">): readonly FlowDeclaration[] => {
  if (data.backup === undefined) return [postgresFlows(prefix)];
  const store = archiveFlowArgs(data.backup);
  return [
    postgresFlows(prefix, archiveCalls(store)),
    ...backupFlows(prefix, store),
    ...(rehearses({ data }) ? [drillFlows(prefix, store)] : []),
  ];
};
