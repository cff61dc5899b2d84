export interface DatabaseUrlArgs {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** CA file as the client's container sees it. */
  readonly caFile: string;
}

/** Connection URL that verifies the server's certificate and name. Pure; the result is a secret. */
export const databaseUrl = (args: DatabaseUrlArgs): string =>
  `postgresql://${encodeURIComponent(args.user)}:${encodeURIComponent(args.password)}@${args.host}:${String(args.port)}/${args.database}` +
  `?sslmode=verify-full&sslrootcert=${args.caFile}`;
