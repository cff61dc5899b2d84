import { describe, expect, it } from "vitest";
import { archiveCalls, archiveHook, type WalgSettings } from "../../../components/data/index.ts";
import { renderWalgEnv, walgNames } from "../../../components/data/walgEnv.ts";
import { walgInstaller, walgSourceEnv, type WalgSource } from "../../../components/data/walgBinary.ts";
import { image } from "../../support/components.ts";

const store: WalgSettings = {
  endpoint: "https://eu2.contabostorage.com",
  bucket: "hc-backups",
  prefix: "pg18/hc",
  region: "default",
  pathStyle: true,
  caCertificate: undefined,
  deltaMaxSteps: 6,
  networkRateLimitMiBps: undefined,
};
const envOf = (settings: Partial<WalgSettings> = {}): Record<string, string | undefined> =>
  Object.fromEntries(renderWalgEnv({ ...store, ...settings }, 256).map(({ name, value }) => [name, value]));

const download: WalgSource = {
  kind: "download",
  url: "https://github.com/wal-g/wal-g/releases/download/v3.0.9/wal-g-pg-22.04-amd64.tar.gz",
  sha256: "ab".repeat(32),
  curl: image("curl", "8.21.0"),
};

describe("wal-g's environment", () => {
  it("has the documented names and values of 3.0.9 and no other", () => {
    expect(envOf()).toEqual({
      WALG_S3_PREFIX: "s3://hc-backups/pg18/hc",
      AWS_ENDPOINT: "https://eu2.contabostorage.com",
      AWS_REGION: "default",
      AWS_S3_FORCE_PATH_STYLE: "true",
      AWS_SHARED_CREDENTIALS_FILE: "/run/platform/walg/credentials",
      WALG_COMPRESSION_METHOD: "zstd",
      WALG_LIBSODIUM_KEY_PATH: "/run/platform/walg/encryption-key",
      WALG_LIBSODIUM_KEY_TRANSFORM: "hex",
      WALG_UPLOAD_CONCURRENCY: "2",
      WALG_UPLOAD_DISK_CONCURRENCY: "1",
      WALG_DOWNLOAD_CONCURRENCY: "4",
      WALG_PREVENT_WAL_OVERWRITE: "true",
      WALG_DELTA_MAX_STEPS: "6",
      GOMEMLIMIT: "256MiB",
    });
  });

  it("names the store's own CA, and the limit in bytes per second, where they are set", () => {
    expect(envOf({ caCertificate: "-----BEGIN", networkRateLimitMiBps: 6, pathStyle: false })).toMatchObject({
      WALG_S3_CA_CERT_FILE: "/run/platform/walg/ca.crt",
      WALG_NETWORK_RATE_LIMIT: "6291456",
      AWS_S3_FORCE_PATH_STYLE: "false",
    });
  });

  it("cannot have the names that wal-g silently ignores", () => {
    const names: readonly string[] = walgNames;
    expect(names.filter((name) => ["WALG_S3_ENDPOINT", "WALG_S3_FORCE_PATH_STYLE"].includes(name))).toEqual(
      [],
    );
    expect(Object.keys(envOf({ caCertificate: "-", networkRateLimitMiBps: 1 })).sort()).toEqual(
      [...names, "GOMEMLIMIT"].sort(),
    );
  });
});

describe("where wal-g comes from", () => {
  it("is the image's own, and no container downloads anything", () => {
    const mount = { name: "data", mountPath: "/var/lib/postgresql" };
    expect(walgInstaller({ kind: "image" }, 999, mount)).toEqual([]);
    expect(walgSourceEnv({ kind: "image" }, "/var/lib/postgresql")).toEqual([
      { name: "PLATFORM_WALG", value: "wal-g" },
    ]);
  });

  it("is a file on the volume, under the pinned digest, with the public CAs beside it", () => {
    const [installer] = walgInstaller(download, 999, { name: "data", mountPath: "/var/lib/postgresql" });
    const directory = "/var/lib/postgresql/.wal-g/abababababababab";
    expect(installer?.env).toEqual([
      { name: "WALG_URL", value: download.url },
      { name: "WALG_SHA256", value: "ab".repeat(32) },
      { name: "WALG_DIRECTORY", value: directory },
    ]);
    expect(walgSourceEnv(download, "/var/lib/postgresql")).toEqual([
      { name: "PLATFORM_WALG", value: `${directory}/wal-g` },
      { name: "SSL_CERT_FILE", value: `${directory}/ca-certificates.crt` },
    ]);
  });
});

describe("the database's archive", () => {
  const size = { cpuMillis: 250, memoryMiB: 512 };
  it("archives all the time and restores with the wrapper that tells an error from the end of the log", () => {
    expect(archiveHook({ store, source: { kind: "image" }, streams: false, size }).confLines).toEqual([
      "archive_mode = on",
      "archive_timeout = '60s'",
      `archive_command = 'bash /etc/platform/postgres/archive.sh "%p"'`,
      `restore_command = 'bash /etc/platform/postgres/fetch-wal.sh "%f" "%p"'`,
    ]);
  });

  it("brings its guard and its restore, and no credential but as a file", () => {
    const hook = archiveHook({ store, source: download, streams: true, size });
    expect(Object.keys(hook.scripts).sort()).toEqual([
      "archive.sh",
      "fetch-wal.sh",
      "guard.sh",
      "restore-base.sh",
    ]);
    expect(hook.streams).toBe(true);
    expect(hook.initContainers.map((c) => c.name)).toEqual(["wal-g"]);
    expect(hook.volumes).toEqual([{ name: "walg", secret: { secretName: "walg", defaultMode: 0o440 } }]);
    const limits = [hook.env, hook.initEnv].map(
      (env) => env.find(({ name }) => name === "GOMEMLIMIT")?.value,
    );
    expect(limits, "beside the server, and before it").toEqual(["64MiB", "409MiB"]);
    expect(JSON.stringify(hook.env)).not.toMatch(/KEY_ID|SECRET_ACCESS|"WALG_LIBSODIUM_KEY"/);
  });
});

describe("the way to the store", () => {
  const endpoint = "https://store.internal:9000";
  it("is the Internet on the store's port", () => {
    expect(archiveCalls({ endpoint: store.endpoint, endpointCidrs: [], downloadUrl: download.url })).toEqual([
      { service: "dns" },
      { internetPorts: [443] },
    ]);
  });

  it("is the store's own networks where it is private, and the Internet only to download wal-g", () => {
    const cidrs = ["10.8.0.0/24"];
    const store = [{ service: "dns" }, { addresses: { cidrs, port: 9000 } }];
    expect(archiveCalls({ endpoint, endpointCidrs: cidrs, downloadUrl: undefined })).toEqual(store);
    expect(archiveCalls({ endpoint, endpointCidrs: cidrs, downloadUrl: download.url })).toEqual([
      ...store,
      { internetPorts: [443] },
    ]);
  });
});
