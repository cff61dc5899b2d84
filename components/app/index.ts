export { Api, type ApiArgs } from "./Api.ts";
export { AppSettings, type AppSettingsArgs, type DatabaseAccess, type DatabaseLogin } from "./AppSettings.ts";
export { appFlows, appLayout } from "./layout.ts";
export { Migration, type MigrationArgs } from "./Migration.ts";
export { Worker, type WorkerArgs } from "./Worker.ts";
