import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { renderInitScript } from "../../components/data/initScript.ts";
import { renderKeeperScript } from "../../components/data/keeperScript.ts";
import { loginRoles, postgresLayout, provisionedMarker } from "../../components/data/layout.ts";
import { pgIdent, renderPgHba } from "../../components/data/pgHba.ts";
import { renderPostgresqlConf } from "../../components/data/postgresqlConf.ts";
import { renderRolesSql, type RolesSqlArgs } from "../../components/data/rolesSql.ts";
import { repository } from "../../rig/stack.ts";
import { pod as addresses, PostgresPod, serverTls, type Client } from "./postgresPod.ts";

/** The database as the platform configures it, on the real server of the rig's image. */

export const layout = postgresLayout;
export const people = ["alice", "bob"] as const;

const passwordOf = (role: string): string => `password-of-${role}-0123456789`;

/** One per login, and one per reader of `people`. */
export const passwords = (
  changes: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries([...loginRoles, ...people].map((role) => [role, passwordOf(role)])),
  ...changes,
});

export const as = (user: string, changes: Partial<Client> = {}): Client => ({
  user,
  password: passwordOf(user),
  ...changes,
});

export interface DatabaseOptions {
  /** GiB. @default 1 */
  readonly walGiB?: number;
  /** Gives the log a file system of this size. @default none of its own */
  readonly walVolumeMiB?: number;
  readonly archiveLines?: readonly string[];
  readonly roles?: Partial<RolesSqlArgs>;
}

export const mountRoles = (pod: PostgresPod, changes: Partial<RolesSqlArgs> = {}): void => {
  pod.mount(layout.rolesDirectory, {
    "roles.sql": renderRolesSql({ layout, readers: people, backup: true, streams: false, ...changes }),
  });
};

export const provisioned = (pod: PostgresPod): Promise<void> =>
  pod.until("roles are applied", () => {
    if (!pod.runs("keeper")) throw new Error(`the keeper has ended:\n${pod.log.slice(-3000)}`);
    return pod.exec(["test", "-e", provisionedMarker(layout)]).code === 0;
  });

/** Runs all containers of the pod and returns when it would be ready. */
export const startDatabase = async (options: DatabaseOptions = {}): Promise<PostgresPod> => {
  const build = join(repository, "rig/images/build.sh");
  const archive = execFileSync("bash", [build, "postgres-full"], { encoding: "utf8" });
  const pod = await PostgresPod.create(archive.trim());
  try {
    await runContainers(pod, options);
    return pod;
  } catch (error) {
    await pod.destroy();
    throw error;
  }
};

const runContainers = async (pod: PostgresPod, options: DatabaseOptions): Promise<void> => {
  const walGiB = options.walGiB ?? 1;
  pod.volume(layout.dataRoot);
  pod.volume(layout.walRoot, options.walVolumeMiB);
  pod.mount(layout.tlsDirectory, serverTls());
  pod.mount(layout.passwordDirectory, passwords());
  mountRoles(pod, options.roles);
  pod.mount(layout.configDirectory, {
    "postgresql.conf": renderPostgresqlConf({
      layout,
      memoryMiB: 256,
      maxConnections: 50,
      walGiB,
      pgaudit: true,
      archiveLines: options.archiveLines,
    }),
    "pg_hba.conf": renderPgHba(addresses.cidr),
    "pg_ident.conf": pgIdent,
    "init.sh": renderInitScript({ layout }),
    "keeper.sh": renderKeeperScript({ layout, walGiB }),
  });
  const init = pod.exec(["bash", `${layout.configDirectory}/init.sh`]);
  if (init.code !== 0) throw new Error(`init.sh: ${init.stdout}\n${init.stderr}`);
  pod.startKeeper();
  pod.startServer();
  await provisioned(pod);
};
