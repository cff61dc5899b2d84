export {
  Postgres,
  postgresFlows,
  postgresPort,
  type DatabaseEndpoint,
  type PostgresArgs,
  type Readers,
} from "./Postgres.ts";
export type { ArchiveHook, Bootstrap } from "./archiveHook.ts";
export { appRole, database, roles, type LoginRole } from "./layout.ts";
export { defaultWalGiB } from "./sizing.ts";
