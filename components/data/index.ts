export {
  auditGaps,
  Postgres,
  postgresFlows,
  postgresPort,
  type DatabaseEndpoint,
  type PostgresArgs,
  type Readers,
} from "./Postgres.ts";
export {
  PostgresExporter,
  postgresExporterFlows,
  postgresTarget,
  type PostgresExporterArgs,
} from "./PostgresExporter.ts";
export type { ArchiveHook, Bootstrap } from "./archiveHook.ts";
export {
  oldestPgBouncer,
  PgBouncer,
  pgbouncerFlows,
  pgbouncerMetrics,
  pgbouncerPort,
  type PgBouncerArgs,
} from "./PgBouncer.ts";
export { connectionProblem, connectionShares, poolerLimits, type PoolerLimits } from "./poolerLimits.ts";
export { appRole, database, roles, type LoginRole } from "./layout.ts";
export { defaultWalGiB, maxConnections } from "./sizing.ts";
export { Backup, backupFlows, type BackupArgs } from "./Backup.ts";
export { archiveCalls, archiveHook, storeCalls, type ArchiveFlowArgs } from "./archive.ts";
export { Drill, drillFlows, type DrillArgs } from "./Drill.ts";
export {
  DrillExporter,
  drillExporterFlows,
  drillExporterTarget,
  type DrillExporterArgs,
} from "./DrillExporter.ts";
export type { WalgSource } from "./walgBinary.ts";
export type { WalgSettings } from "./walgEnv.ts";
export { WalgStore } from "./WalgStore.ts";
export { Maintenance, maintenanceFlows, type MaintenanceArgs } from "./Maintenance.ts";
