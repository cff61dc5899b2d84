// The only reader of the environment. Collects every problem; names keys, never values of secrets.
import { readFileSync } from "node:fs";
import { isIP } from "node:net";

const SECRETS = ["JWT_SECRET", "SESSION_SECRET", "COOKIE_SECRET"];
const SECRET_LENGTH = 32;

// Optional features: none of a group's keys means off; some of them is a mistake.
const GROUPS = [
  ["CACHE_PROVIDER", "DRAGONFLY_HOST", "DRAGONFLY_PORT", "DRAGONFLY_USERNAME", "DRAGONFLY_PASSWORD", "DRAGONFLY_KEY_PREFIX", "DRAGONFLY_TLS_CA_FILE"],
  ["REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PREFIX", "REDIS_TLS_CA_FILE"],
  ["OPENVIDU_URL", "OPENVIDU_SECRET"],
];

// Parameters of a database URL that are understood; `pgbouncer` asks for nothing that this driver does.
const URL_PARAMETERS = ["sslmode", "sslrootcert", "connection_limit", "connect_timeout", "application_name", "pgbouncer"];

/**
 * Settings of the API or the worker.
 * @param {"api" | "worker"} mode what is about to start; must agree with APP_MODE
 * @returns {{ settings?: { database: object, cache?: object, queue?: object, port: number, drainMs: number, version: string }, problems: string[] }}
 */
export function readSettings(env, mode) {
  const problems = [...modeProblems(env, mode), ...secretProblems(env), ...groupProblems(env), ...portProblems(env)];
  const database = readDatabase(env, "DATABASE_URL", problems);
  const cache = readAccess(env, "DRAGONFLY", "DRAGONFLY_KEY_PREFIX", problems);
  const queue = readAccess(env, "REDIS", "REDIS_PREFIX", problems);
  const port = readNumber(env, "PORT", 8088, problems);
  const drainMs = readNumber(env, "SHUTDOWN_DELAY_MS", 5000, problems);
  if (problems.length > 0) return { problems };
  return { settings: { database, cache, queue, port, drainMs, version: env.APP_VERSION ?? "unknown" }, problems };
}

/** Settings of the migration: its own connection, nothing else. */
export function readMigrationSettings(env) {
  const problems = [];
  const database = readDatabase(env, "MIGRATION_DATABASE_URL", problems);
  return problems.length > 0 ? { problems } : { settings: { database }, problems };
}

function modeProblems(env, mode) {
  const seen = env.APP_MODE ?? "api";
  return seen === mode ? [] : [`APP_MODE is '${seen}', but the ${mode} was started: set APP_MODE=${mode} or start the other program`];
}

function secretProblems(env) {
  const problems = [];
  for (const [place, key] of SECRETS.entries()) {
    const value = env[key] ?? "";
    if (value.length < SECRET_LENGTH) problems.push(`${key} has ${value.length} characters: give it at least ${SECRET_LENGTH}`);
    const twin = SECRETS.slice(0, place).find((other) => value !== "" && env[other] === value);
    if (twin !== undefined) problems.push(`${key} is the same as ${twin}: make each of its own`);
  }
  return problems;
}

function groupProblems(env) {
  return GROUPS.flatMap((group) => {
    const missing = group.filter((key) => !env[key]);
    const given = group.filter((key) => env[key]);
    return given.length === 0 ? [] : missing.map((key) => `${key} is missing, while ${given.join(", ")} is set: set all of them or none`);
  });
}

// A Service named redis makes Kubernetes set REDIS_PORT=tcp://...: that is not our port.
function portProblems(env) {
  return ["DRAGONFLY_PORT", "REDIS_PORT"]
    .filter((key) => env[key] && !/^\d{1,5}$/.test(env[key]))
    .map((key) => `${key} is '${env[key]}', not a port: set enableServiceLinks to false`);
}

/** How to reach a cache or queue, with a verified certificate; undefined when the feature is off. */
function readAccess(env, feature, prefixKey, problems) {
  const host = env[`${feature}_HOST`];
  if (!host) return undefined;
  const key = `${feature}_TLS_CA_FILE`;
  const ca = env[key] ? readAuthority(key, env[key], problems) : undefined;
  if (isIP(host) > 0) problems.push(`${feature}_HOST has the address ${host}: write the host name that is in the certificate`);
  return { host, port: Number(env[`${feature}_PORT`]), username: env[`${feature}_USERNAME`], password: env[`${feature}_PASSWORD`], keyPrefix: env[prefixKey], ca };
}

function readNumber(env, key, standard, problems) {
  const text = env[key] ?? String(standard);
  if (!/^\d{1,6}$/.test(text)) problems.push(`${key} is '${text}': write a whole number`);
  return Number(text);
}

/** Options for the pg driver, with the certificate chain and the host name verified; undefined with a problem. */
function readDatabase(env, key, problems) {
  const before = problems.length;
  const url = URL.parse(env[key] ?? "");
  if (url === null || !["postgres:", "postgresql:"].includes(url.protocol)) {
    problems.push(`${key} is missing or no URL: write postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=/path`);
    return undefined;
  }
  const unknown = [...url.searchParams.keys()].filter((name) => !URL_PARAMETERS.includes(name));
  if (unknown.length > 0) problems.push(`${key} has unknown parameters ${unknown.join(", ")}: known are ${URL_PARAMETERS.join(", ")}`);
  if (url.searchParams.get("sslmode") !== "verify-full") {
    problems.push(`${key} has sslmode '${url.searchParams.get("sslmode")}': only verify-full is accepted`);
  }
  // The driver gives TLS no name to compare with when the host is an address.
  if (isIP(url.hostname.replace(/[[\]]/g, "")) > 0) problems.push(`${key} has the address ${url.hostname}: write the host name that is in the certificate`);
  const ca = readAuthority(key, url.searchParams.get("sslrootcert"), problems);
  return problems.length > before ? undefined : databaseOptions(url, ca);
}

function readAuthority(key, path, problems) {
  try {
    return readFileSync(path ?? "", "utf8");
  } catch (error) {
    problems.push(`${key} names the CA file '${path}', which cannot be read (${error.code}): mount the CA certificate there`);
    return undefined;
  }
}

function databaseOptions(url, ca) {
  return {
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    application_name: url.searchParams.get("application_name") ?? "sample-app",
    max: Number(url.searchParams.get("connection_limit") ?? 5),
    connectionTimeoutMillis: 1000 * Number(url.searchParams.get("connect_timeout") ?? 5),
    query_timeout: 10_000,
    ssl: { ca, rejectUnauthorized: true, minVersion: "TLSv1.2" },
  };
}
