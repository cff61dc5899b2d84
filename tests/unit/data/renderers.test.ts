import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { renderInitScript } from "../../../components/data/initScript.ts";
import { renderKeeperScript } from "../../../components/data/keeperScript.ts";
import { loginRoles, postgresLayout, roles } from "../../../components/data/layout.ts";
import { renderPgHba } from "../../../components/data/pgHba.ts";
import { renderPostgresqlConf } from "../../../components/data/postgresqlConf.ts";
import { renderRolesSql, type RolesSqlArgs } from "../../../components/data/rolesSql.ts";

const conf = (
  changes: Partial<Parameters<typeof renderPostgresqlConf>[0]> = {},
): ReadonlyMap<string, string> =>
  new Map(
    renderPostgresqlConf({
      layout: postgresLayout,
      memoryMiB: 1024,
      maxConnections: 100,
      walGiB: 4,
      pgaudit: false,
      ...changes,
    })
      .split("\n")
      .filter((line) => line.includes(" = "))
      .map((line) => {
        const [key = "", ...rest] = line.split(" = ");
        return [key, rest.join(" = ").replaceAll("'", "")];
      }),
  );

describe("postgresql.conf", () => {
  it("sets nothing twice", () => {
    const keys = renderPostgresqlConf({
      layout: postgresLayout,
      memoryMiB: 1024,
      maxConnections: 100,
      walGiB: 4,
      pgaudit: true,
    })
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" = ")[0]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it.each([
    [256, "64MB", "153MB"],
    [1024, "256MB", "614MB"],
    [4096, "1024MB", "2457MB"],
  ])("takes a quarter of %i MiB as shared buffers", (memoryMiB, shared, cache) => {
    expect(conf({ memoryMiB }).get("shared_buffers")).toBe(shared);
    expect(conf({ memoryMiB }).get("effective_cache_size")).toBe(cache);
  });

  it.each([
    [256, "1MB", "16MB", "16MB"],
    [1024, "2MB", "64MB", "32MB"],
    [4096, "10MB", "256MB", "128MB"],
  ])("lets all connections sort within a quarter of %i MiB", (memoryMiB, work, maintenance, vacuum) => {
    const sizes = ["work_mem", "maintenance_work_mem", "autovacuum_work_mem"];
    expect(sizes.map((key) => conf({ memoryMiB }).get(key))).toEqual([work, maintenance, vacuum]);
  });

  it("audits objects, and writes neither statements nor parameters", () => {
    const audit = [...conf({ pgaudit: true })].filter(([key]) => key.startsWith("pgaudit."));
    expect(Object.fromEntries(audit)).toEqual({
      "pgaudit.role": "auditor",
      "pgaudit.log": "ddl,role",
      "pgaudit.log_parameter": "off",
      "pgaudit.log_statement": "off",
      "pgaudit.log_catalog": "off",
    });
    expect([...conf()].filter(([key]) => key.startsWith("pgaudit."))).toEqual([]);
  });

  it("keeps the log of changes within its volume", () => {
    const sizes = (walGiB: number): readonly (string | undefined)[] =>
      ["max_wal_size", "min_wal_size", "max_slot_wal_keep_size"].map((key) => conf({ walGiB }).get(key));
    expect(sizes(1)).toEqual(["384MB", "96MB", "512MB"]);
    expect(sizes(2)).toEqual(["768MB", "192MB", "1024MB"]);
    expect(sizes(8)).toEqual(["2048MB", "512MB", "4096MB"]);
  });

  it("preloads pgaudit only where the image carries it, else logs DDL", () => {
    expect(conf().get("shared_preload_libraries")).toBe("pg_stat_statements");
    expect(conf().get("log_statement")).toBe("ddl");
    expect(conf({ pgaudit: true }).get("shared_preload_libraries")).toBe("pg_stat_statements,pgaudit");
    expect(conf({ pgaudit: true }).get("log_statement")).toBeUndefined();
  });

  it.each([
    ["log_min_error_statement", "panic"],
    ["log_error_verbosity", "terse"],
    ["log_parameter_max_length", "0"],
    ["log_parameter_max_length_on_error", "0"],
    ["log_min_duration_statement", "-1"],
    ["pg_stat_statements.track_utility", "off"],
  ])("keeps patient data out of the log: %s = %s", (key, expected) => {
    expect(conf().get(key)).toBe(expected);
  });

  it("speaks TLS 1.2 or newer, with scram", () => {
    expect(conf().get("ssl")).toBe("on");
    expect(conf().get("ssl_min_protocol_version")).toBe("TLSv1.2");
    expect(conf().get("password_encryption")).toBe("scram-sha-256");
  });
});

describe("pg_hba.conf", () => {
  const lines = renderPgHba("10.42.0.0/16")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/ +/));

  it("knows only the socket of the superuser, and TLS with scram", () => {
    expect(lines.filter(([kind]) => kind === "local")).toEqual([["local", "all", "postgres", "peer"]]);
    const methods = lines
      .filter(([kind]) => kind !== "local")
      .map((line) => `${String(line[0])} ${String(line.at(-1))}`);
    expect(new Set(methods)).toEqual(new Set(["hostssl reject", "hostssl scram-sha-256"]));
  });

  it("rejects the superuser and the bridge before anything is allowed", () => {
    const first = lines.findIndex((line) => line.at(-1) === "scram-sha-256");
    const rejects = lines.slice(0, first).map((line) => line.slice(2, 4));
    expect(rejects).toContainEqual(["postgres", "all"]);
    expect(rejects.filter((line) => line[1] === "10.42.0.1/32")).toHaveLength(2);
    expect(lines.slice(0, first).map((line) => line[1])).toEqual(["all", "all", "all", "replication"]);
    expect(lines.slice(first).every((line) => line.at(-1) === "scram-sha-256")).toBe(true);
  });

  it("lets each role into its own databases, from pods only", () => {
    const open = lines.filter((line) => line.at(-1) === "scram-sha-256");
    expect(open.map((line) => line.slice(1, 4).join(" "))).toEqual([
      "userdb migration 10.42.0.0/16",
      "userdb app_a,app_b 10.42.0.0/16",
      "userdb pgbouncer_auth 10.42.0.0/16",
      "userdb,postgres monitor 10.42.0.0/16",
      "userdb maintenance 10.42.0.0/16",
      "userdb,postgres,replication backup 10.42.0.0/16",
      "userdb +reader 10.42.0.0/16",
      "userdb +reader 127.0.0.1/32",
    ]);
  });

  it("refuses a range that is none", () => {
    expect(() => renderPgHba("everywhere")).toThrow(/"everywhere"/);
  });
});

describe("roles.sql", () => {
  const args = { layout: postgresLayout, readers: ["alice"], backup: true, streams: false };
  const sql = renderRolesSql(args);

  it("takes passwords from files only", () => {
    expect([...sql.matchAll(/\\set (\w+) `cat ([^`]+)`/g)].map((m) => m[1])).toEqual([
      ...loginRoles.map((role) => `${role}_password`),
      "alice_password",
    ]);
    expect(sql).not.toMatch(/PASSWORD '/);
  });

  it("makes nobody a superuser", () => {
    expect(sql.match(/NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION/g)).toHaveLength(8);
    expect(sql).not.toMatch(/[^O](SUPERUSER|REPLICATION)/);
  });

  it("lets the backup replicate only for streaming, and log in only when there is one", () => {
    const backup = (changes: Partial<RolesSqlArgs>): string | undefined =>
      renderRolesSql({ ...args, ...changes })
        .split("\n")
        .find((line) => line.startsWith("ALTER ROLE backup "));
    expect(backup({ streams: true })).toMatch(/^ALTER ROLE backup LOGIN .* REPLICATION;$/);
    expect(backup({})).toMatch(/ NOREPLICATION;$/);
    expect(backup({ backup: false })).toMatch(/ NOLOGIN .* PASSWORD NULL;$/);
    expect(renderRolesSql({ ...args, backup: false })).not.toContain("backup_password");
  });

  it("creates only what is missing, so that it can run again", () => {
    const creations = sql.split("\n").filter((line) => /CREATE (ROLE|DATABASE|EXTENSION)/.test(line));
    expect(creations.filter((line) => !/IF NOT EXISTS|^SELECT /.test(line))).toEqual([]);
    expect(sql.match(/WHERE NOT EXISTS/g)).toHaveLength(3);
  });

  it("audits every table, or takes the others out of it", () => {
    expect(sql).toMatch(/GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO auditor;/);
    expect(sql).not.toContain("FROM auditor");
    const some = renderRolesSql({ ...args, auditedTables: ["public.visits"] });
    expect(some).toContain("REVOKE ALL ON %I.%I FROM auditor");
    expect(some).toContain("ARRAY['public.visits']::text[]");
  });

  it("gives the application rows, not tables", () => {
    const toApp = sql.split("\n").filter((line) => line.includes(`TO ${roles.dml}`));
    expect(toApp.length).toBeGreaterThan(3);
    expect(toApp.filter((line) => /\b(ALL|CREATE|TRUNCATE|REFERENCES|TRIGGER)\b/.test(line))).toEqual([]);
  });
});

describe("scripts", () => {
  it.each([
    ["init", renderInitScript({ layout: postgresLayout })],
    [
      "restoring init",
      renderInitScript({ layout: postgresLayout, bootstrap: "restore", archiveScripts: ["guard.sh"] }),
    ],
    ["keeper", renderKeeperScript({ layout: postgresLayout, walGiB: 4 })],
  ])("%s is sound bash", (_name, script) => {
    const check = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });
    expect(check.stderr).toBe("");
    expect(check.status).toBe(0);
    expect(script).toMatch(/^#!\/usr\/bin\/env bash\nset -euo pipefail\n/);
  });

  it("keeper turns the application read-only at 80 % of the log's room and back below 60 %", () => {
    const script = renderKeeperScript({ layout: postgresLayout, walGiB: 4 });
    expect(script).toContain("limit=$((4 * 1024 * 1024 * 1024))");
    expect(script).toMatch(/== f \]\] && \(\( percent >= 80 \)\); then\n\s+switch_to true/);
    expect(script).toMatch(/== t \]\] && \(\( percent < 60 \)\); then\n\s+switch_to false/);
  });

  it("keeper logs no statement of a session that holds passwords", () => {
    const script = renderKeeperScript({ layout: postgresLayout, walGiB: 4 });
    expect(script).toContain("log_statement=none");
    expect(script.indexOf("PGOPTIONS")).toBeLessThan(script.indexOf("apply()"));
  });
});
