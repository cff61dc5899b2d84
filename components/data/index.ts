export {
  Postgres,
  postgresFlows,
  postgresPort,
  type DatabaseEndpoint,
  type PostgresArgs,
} from "./Postgres.ts";
export { database, roles, type LoginRole } from "./layout.ts";
export { defaultWalGiB } from "./sizing.ts";
