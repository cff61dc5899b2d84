import { roles } from "./layout.ts";
import { pgbouncerLayout } from "./pgbouncerLayout.ts";

export interface UserlistArgs {
  /** Password of the role that looks up the verifiers of all others. */
  readonly lookupPassword: string;
  readonly statsPassword: string;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/**
 * `userlist.txt`: the two users that PgBouncer cannot look up. Pure; the result is a secret.
 * The look-up's password stands in clear, because a verifier cannot log in by itself. The application's passwords are
 * nowhere on this side.
 */
export const renderUserlist = (args: UserlistArgs): string =>
  [
    [roles.pooler, args.lookupPassword],
    [pgbouncerLayout.statsUser, args.statsPassword],
  ]
    .map(([name = "", password = ""]) => `${quoted(name)} ${quoted(password)}\n`)
    .join("");

/**
 * How the exporter logs in: through the pod's socket, which no other pod can reach.
 * Pure; the result is a secret.
 */
export const exporterConnection = (statsPassword: string): string =>
  [
    ["host", pgbouncerLayout.socketDirectory],
    ["port", String(pgbouncerLayout.port)],
    ["user", pgbouncerLayout.statsUser],
    ["password", `'${statsPassword.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`],
    ["dbname", pgbouncerLayout.consoleDatabase],
    ["sslmode", "disable"],
  ]
    .map(([key = "", value = ""]) => `${key}=${value}`)
    .join(" ");
