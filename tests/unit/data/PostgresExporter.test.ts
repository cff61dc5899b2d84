import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { PostgresExporter, postgresTarget } from "../../../components/data/index.ts";
import { postgresExporterFlags } from "../../../components/data/postgresExporterPod.ts";
import { renderExporterQueries } from "../../../components/data/postgresExporterQueries.ts";
import { child, children, image } from "../../support/components.ts";
import { at, list } from "../../support/records.ts";

const made = () =>
  children("e", () => {
    new PostgresExporter("e", {
      prefix: "hc",
      namespace: "hc-data",
      image: image("postgresExporter", "v0.20.1"),
      size: { cpuMillis: 10, memoryMiB: 16 },
      priorityClass: "hc-app",
      database: { host: "postgres.hc-data.svc", port: 5432 },
      passwordSecret: "postgres-passwords",
      tlsSecret: "postgres-tls",
      walGiB: 4,
      rotation: "1.2",
    });
  });

describe("PostgresExporter", () => {
  it("asks over verified TLS, as a role that only reads statistics", async () => {
    const spec = at(child(await made(), "e-server").inputs, "spec.template.spec");
    expect(list(spec, "containers.0.env")).toEqual([
      {
        name: "DATA_SOURCE_URI",
        value:
          "postgres.hc-data.svc:5432/userdb?sslmode=verify-full&sslrootcert=/etc/platform/ca/ca.crt&connect_timeout=5",
      },
      { name: "DATA_SOURCE_USER", value: "monitor" },
      { name: "DATA_SOURCE_PASS_FILE", value: "/run/platform/exporter/password" },
    ]);
  });

  it("sees its own password, and the certificate without its key", async () => {
    const spec = at(child(await made(), "e-server").inputs, "spec.template.spec");
    expect(
      list(spec, "volumes")
        .filter((v) => at(v, "secret") !== undefined)
        .map((v) => at(v, "secret")),
    ).toEqual([
      { secretName: "postgres-tls", defaultMode: 0o440, items: [{ key: "ca.crt", path: "ca.crt" }] },
      { secretName: "postgres-passwords", defaultMode: 0o440, items: [{ key: "monitor", path: "password" }] },
    ]);
  });

  it("is not restarted because the database is down", async () => {
    const container = at(child(await made(), "e-server").inputs, "spec.template.spec.containers.0");
    expect(at(container, "livenessProbe.httpGet")).toEqual({ path: "/", port: "metrics" });
  });

  it("knows the flags of its version", () => {
    expect(postgresExporterFlags("v0.20.1")).toContain("--no-collector.settings");
    expect(postgresExporterFlags("v0.20.1")).not.toContain("--disable-settings-metrics");
    expect(postgresExporterFlags("v0.19.1")).toContain("--disable-settings-metrics");
    expect(postgresExporterFlags("v0.19.1")).not.toContain("--no-collector.settings");
    for (const tag of ["v0.19.1", "v0.20.1"]) {
      expect(postgresExporterFlags(tag).join()).not.toContain("stat_statements");
    }
  });

  it("asks for no query text and no table names", () => {
    const queries = parse(renderExporterQueries(4)) as Record<string, { query: string; metrics: object[] }>;
    const all = Object.values(queries).map(({ query }) => query);
    expect(all).toHaveLength(6);
    expect(all.join("\n")).not.toMatch(/\bquery\b|pg_stat_statements|relname|client_addr/);
    // Compared with, never told.
    expect(all.join("\n")).not.toMatch(/application_name(?! (=|<>) ')/);
    expect(queries["platform_wal"]?.query).toContain("4::bigint * 1024 * 1024 * 1024 AS limit_bytes");
    const labels = Object.values(queries).flatMap(({ metrics }) =>
      metrics.flatMap((m) => Object.entries(m)).filter(([, m]) => at(m, "usage") === "LABEL"),
    );
    expect(new Set(labels.map(([name]) => name))).toEqual(new Set(["datname"]));
  });

  it("is scraped twice as often as others", () => {
    expect(postgresTarget("hc")).toMatchObject({
      job: "postgres",
      workload: "data/postgres-exporter",
      port: 9187,
      intervalSeconds: 15,
    });
  });
});
