/** Where the old database is and how its traffic is protected: the text of --from. Pure. */

import { isIP } from "node:net";
import { UserError } from "../user-error.ts";

/** How the way to the source is encrypted, as libpq names it. */
export type SslMode = "disable" | "require" | "verify-ca" | "verify-full";

export interface SourceAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly sslMode: SslMode;
  /** File with the CA of the source's certificate. @default the CAs that this machine trusts */
  readonly sslRootCert: string | undefined;
}

const modes: readonly string[] = ["disable", "require", "verify-ca", "verify-full"] satisfies SslMode[];
const known = new Set(["sslmode", "sslrootcert"]);

const form = "postgresql://USER@HOST:PORT/DATABASE";

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

const readUrl = (text: string): URL => {
  // Before anything else: no error below may repeat it.
  if (/^[a-z]+:\/\/[^/@]*:[^/@]*@/i.test(text)) {
    throw new UserError(
      "--from: holds a password, which every process list and shell history shows; leave it out and use --password-file, IMPORT_SOURCE_PASSWORD or the question",
    );
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["postgresql:", "postgres:"].includes(url.protocol)) {
    throw new UserError(`--from: "${text}" is not of the form ${form}`);
  }
  return url;
};

const sslModeOf = (url: URL, host: string, byCommand: boolean): SslMode => {
  const mode = url.searchParams.get("sslmode");
  // Who names a CA wants it to be asked for.
  const plain = (byCommand || isLoopback(host)) && !url.searchParams.has("sslrootcert");
  if (mode === null) return plain ? "disable" : "verify-full";
  if (!modes.includes(mode)) throw new UserError(`--from: sslmode "${mode}" is none of ${modes.join(", ")}`);
  if (mode === "disable" && !byCommand && !isLoopback(host)) {
    throw new UserError(
      `--from: sslmode=disable would send the data to and from ${host} in clear; turn TLS on at the source, or go through SSH: --via 'ssh -W HOST:PORT ...'`,
    );
  }
  return mode as SslMode;
};

/**
 * Reads --from. Without sslmode the certificate is verified in full; without sslrootcert, too, not on this machine and
 * not behind a command (--via), which protects the way.
 * @throws UserError that names what is wrong; never repeats a password
 */
export const parseSource = (text: string, byCommand: boolean): SourceAddress => {
  const url = readUrl(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const user = decodeURIComponent(url.username);
  const database = decodeURIComponent(url.pathname.slice(1));
  const unknown = [...url.searchParams.keys()].filter((key) => !known.has(key));
  const problems = [
    ...(host === "" ? ["HOST is missing"] : []),
    ...(user === "" ? ["USER is missing; the owner of the database or a superuser"] : []),
    ...(database === "" || database.includes("/") ? ["DATABASE is missing"] : []),
    ...unknown.map((key) => `unknown parameter "${key}"; known: ${[...known].join(", ")}`),
  ];
  if (problems.length > 0) throw new UserError(`--from: ${problems.join("; ")} (${form})`);
  return {
    host,
    port: url.port === "" ? 5432 : Number(url.port),
    user,
    database,
    sslMode: sslModeOf(url, host, byCommand),
    sslRootCert: url.searchParams.get("sslrootcert") ?? undefined,
  };
};

/** For people: never holds a secret. */
export const describeSource = (source: SourceAddress): string =>
  `${source.database} on ${source.host}:${String(source.port)} as ${source.user}`;

/** One line of libpq's password file that matches any server. */
export const passwordLine = (password: string): string =>
  `*:*:*:*:${password.replaceAll("\\", "\\\\").replaceAll(":", "\\:")}\n`;
