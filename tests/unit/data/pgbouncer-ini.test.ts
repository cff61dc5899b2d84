import { describe, expect, it } from "vitest";
import { bootSettings, renderPgbouncerIni } from "../../../components/data/pgbouncerIni.ts";
import { exporterConnection, renderUserlist } from "../../../components/data/pgbouncerUserlist.ts";
import { poolerLimits } from "../../../components/data/poolerLimits.ts";

const render = (release = "v1.26.1"): string =>
  renderPgbouncerIni({
    databaseHost: "postgres.hc-data.svc",
    databasePort: 5432,
    clients: ["app_a", "app_b"],
    limits: poolerLimits({ maxConnections: 100, replicas: 2, readers: 0 }),
    release,
  });

/** Keys and values of one section. */
const section = (name: string, text = render()): ReadonlyMap<string, string> => {
  const lines = text.split("\n");
  const start = lines.indexOf(`[${name}]`) + 1;
  const end = lines.findIndex((line, i) => i > start && line.startsWith("["));
  return new Map(
    lines
      .slice(start, end === -1 ? undefined : end)
      .filter((line) => line.includes(" = "))
      .map((line) => {
        const [key = "", ...rest] = line.split(" = ");
        return [key, rest.join(" = ")];
      }),
  );
};

describe("pgbouncer.ini", () => {
  it("sets nothing twice", () => {
    const keys = render()
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("["))
      .map((line) => line.split(" = ")[0]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("leads to one database, by the name in its certificate", () => {
    expect([...section("databases")]).toEqual([
      ["userdb", "host=postgres.hc-data.svc port=5432 dbname=userdb"],
    ]);
  });

  it.each([
    ["auth_type", "scram-sha-256"],
    ["auth_user", "pgbouncer_auth"],
    ["auth_dbname", "userdb"],
    ["auth_query", "SELECT uname, phash FROM pgbouncer.user_lookup($1) WHERE uname IN ('app_a', 'app_b')"],
    ["auth_file", "/etc/platform/pgbouncer/userlist.txt"],
    ["stats_users", "pgbouncer_stats"],
    ["client_tls_sslmode", "require"],
    ["client_tls_protocols", "tlsv1.2,tlsv1.3"],
    ["client_tls_ciphers", "ECDHE+AESGCM"],
    ["client_tls13_ciphers", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"],
    // Without it PgBouncer looks for the system's bundle and does not start where there is none.
    ["client_tls_ca_file", "/etc/platform/pgbouncer-tls/ca.crt"],
    ["server_tls_sslmode", "verify-full"],
    ["server_tls_ca_file", "/etc/platform/pgbouncer-tls/ca.crt"],
    ["server_tls_protocols", "tlsv1.2,tlsv1.3"],
    ["server_tls_ciphers", "ECDHE+AESGCM"],
    ["server_tls13_ciphers", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"],
    ["pool_mode", "transaction"],
    ["max_prepared_statements", "200"],
    ["default_pool_size", "12"],
    ["max_db_connections", "20"],
    ["max_client_conn", "500"],
    ["max_packet_size", "1073741823"],
    ["server_login_retry", "1"],
    // Zero would switch off that waiting clients are turned away during a restart.
    ["query_wait_timeout", "30"],
    ["listen_port", "6432"],
  ])("%s = %s", (key, expected) => {
    expect(section("pgbouncer").get(key)).toBe(expected);
  });

  it("has no administrator who could come from the network", () => {
    expect(section("pgbouncer").has("admin_users")).toBe(false);
  });

  it("bounds the look-ups by themselves", () => {
    expect([...section("users")]).toEqual([["pgbouncer_auth", "pool_size=2"]]);
  });

  it.each([
    ["v1.25.2-p0", "extra_float_digits, options"],
    ["v1.26.0", "extra_float_digits, options"],
    ["v1.26.1", "extra_float_digits"],
    ["v1.27.0-p1", "extra_float_digits"],
  ])("%s ignores at the start: %s", (release, expected) => {
    expect(section("pgbouncer", render(release)).get("ignore_startup_parameters")).toBe(expected);
  });

  it("names apart what only a new process takes over", () => {
    expect(bootSettings.map(([key]) => key)).toEqual([
      "listen_addr",
      "listen_port",
      "unix_socket_dir",
      "unix_socket_mode",
    ]);
    for (const [key, value] of bootSettings) expect(section("pgbouncer").get(key)).toBe(String(value));
  });
});

describe("userlist.txt", () => {
  it("knows two users, and none of the application's", () => {
    expect(renderUserlist({ lookupPassword: "p1", statsPassword: "p2" })).toBe(
      '"pgbouncer_auth" "p1"\n"pgbouncer_stats" "p2"\n',
    );
  });

  it("quotes", () => {
    expect(renderUserlist({ lookupPassword: 'a"b', statsPassword: "c" })).toContain('"a""b"');
  });
});

describe("connection of the exporter", () => {
  it("goes through the socket", () => {
    expect(exporterConnection("p'w\\d 1")).toBe(
      "host=/run/pgbouncer port=6432 user=pgbouncer_stats password='p\\'w\\\\d 1' dbname=pgbouncer sslmode=disable",
    );
  });
});
