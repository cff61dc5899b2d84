import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clusterOwns, renderInstall } from "../../../components/cluster/install.ts";
import { releaseUrl } from "../../../components/cluster/releases.ts";
import { renderFingerprint } from "../../../components/host/index.ts";
import { K3sHost, sha256 } from "./k3sHost.ts";
import { clusterSecrets, clusterSpec } from "./spec.ts";

let host: K3sHost;
beforeEach(() => {
  host = new K3sHost();
  host.upload();
});
afterEach(() => {
  host.destroy();
});

const print = renderFingerprint("hc-test", [
  clusterOwns({ prefix: "hc-test" }),
  { paths: [], trees: ["/var/lib/hc-test"], units: [] },
]);
const fingerprint = (): string => host.run(print).stdout.replace(/.*\.calls file .*\n/g, "");

/** Runs what must be refused, and proves that the host is as it was. */
const refused = (
  code: number,
  changes: Parameters<typeof clusterSpec>[0] = {},
  secrets = clusterSecrets,
): string => {
  const before = fingerprint();
  const run = host.run(host.script(changes, "apply", secrets), { DIE_AT: "never" });
  expect(run.code).toBe(code);
  expect(fingerprint()).toBe(before);
  expect(host.starts()).toBe(0);
  expect(run.stderr).not.toContain("CANARY");
  return run.stderr;
};

describe("a host that does not fit is refused", () => {
  it("architecture", () => {
    host.stub("uname", "echo aarch64");
    expect(refused(30)).toContain("cluster.architecture: amd64 is set, the host is aarch64");
  });

  it("node address", () => {
    host.stub("ip", "");
    expect(refused(30)).toContain("cluster.nodeIp: 192.0.2.1 is not an address of this host");
  });

  it("settings that somebody else added", () => {
    host.write("/etc/rancher/k3s/config.yaml.d/x.yaml", "debug: true\n");
    host.write("/etc/systemd/system/k3s.service.d/x.conf", "[Service]\n");
    const text = refused(30);
    expect(text).toContain("2 problem(s), nothing was changed");
    expect(text).toContain("/etc/rancher/k3s/config.yaml.d/x.yaml changes k3s and is not ours");
    expect(text).toContain("/etc/systemd/system/k3s.service.d/x.conf changes k3s and is not ours");
  });
});

describe("a change that would damage the cluster is refused", () => {
  beforeEach(() => {
    expect(host.install().code).toBe(0);
    host.calls();
  });

  it("another token", () => {
    expect(refused(30, {}, { ...clusterSecrets, token: "CANARY_OTHER_0123456789abcdef" })).toContain(
      "clusterToken: differs from the token",
    );
  });

  it.each([
    [
      { clusterCidr: "10.52.0.0/16" },
      'cluster.clusterCidr: wanted "cluster-cidr: 10.52.0.0/16", the host was installed with "10.42.0.0/16"',
    ],
    [{ serviceCidr: "10.53.0.0/16" }, "cluster.serviceCidr: wanted"],
    [{ nodeName: "vps-2" }, "cluster.nodeName: wanted"],
    [{ version: "v1.36.3+k3s1" }, "cluster.version: v1.36.3+k3s1 is older than v1.36.5+k3s1"],
    [{ version: "v1.35.8+k3s1" }, "cluster.version: v1.35.8+k3s1 is older than v1.36.5+k3s1"],
    [{ version: "v1.38.0+k3s1" }, "cluster.version: from v1.36.5+k3s1 to v1.38.0+k3s1 skips a minor version"],
  ])("%o", (changes, message) => {
    expect(refused(30, changes)).toContain(message);
  });

  it("a datastore without encrypted secrets", () => {
    const good = host.read("/var/lib/hc-test/k3s.good").trim();
    const path = `/var/lib/hc-test/good/${good}${host.root}/etc/rancher/k3s/config.yaml`;
    host.write(path, host.read(path).replace("secrets-encryption-provider: secretbox", "x: y"));
    expect(refused(30)).toContain('secrets encryption: wanted "secrets-encryption-provider: secretbox"');
  });

  it("all at once", () => {
    const text = refused(30, { clusterCidr: "10.52.0.0/16", nodeName: "x", version: "v1.35.8+k3s1" });
    expect(text).toContain("3 problem(s), nothing was changed");
  });
});

describe("artifacts that are not what was pinned change nothing", () => {
  it("another manifest", () => {
    host.manifestSha256 = "0".repeat(64);
    expect(refused(31)).toContain(
      "cluster.artifacts.manifestSha256: no uploaded manifest.json has the SHA-256 0000",
    );
  });

  it.each(["k3s", "system.tar"])("a damaged %s", (name) => {
    host.write(`/var/lib/hc-test/upload/1/${name}`, "damaged");
    expect(refused(31)).toContain(
      `artifact ${name}: neither in place nor uploaded with the SHA-256 of the manifest`,
    );
  });

  it("another version or architecture than the settings say", () => {
    expect(refused(31, { version: "v1.36.3+k3s1" })).toContain(
      'cluster.version: v1.36.3+k3s1 is set, the artifacts are for "v1.36.5+k3s1"',
    );
    host.stub("uname", "echo aarch64");
    expect(refused(31, { architecture: "arm64" })).toContain(
      'cluster.architecture: arm64 is set, the artifacts are for "amd64"',
    );
  });

  it.each([
    ["../x", '"../x" is not a file name'],
    [".hidden", '".hidden" is not a file name'],
  ])("a manifest that names %s", (name, message) => {
    const manifest = JSON.stringify({
      k3sVersion: "v1.36.5+k3s1",
      architecture: "amd64",
      files: [{ name, kind: "binary", sha256: "0".repeat(64), sizeBytes: 1 }],
    });
    host.write("/var/lib/hc-test/upload/1/manifest.json", manifest);
    host.manifestSha256 = sha256(manifest);
    expect(refused(31)).toContain(message);
  });
});

describe("the release", () => {
  const script = (): string =>
    renderInstall(clusterSpec(), clusterSecrets, "apply").replace(
      /(START|ADDON)_SECONDS='\d+'/g,
      "$1_SECONDS='2'",
    );

  it("is asked for over TLS, and refused when its digest is not the pinned one", () => {
    host.stub("curl", 'case "$*" in *github*) printf fake >"${@: -2:1}";; *) printf ok;; esac');
    const before = fingerprint();
    const { code, stderr } = host.run(script(), { DIE_AT: "never" });
    expect(code).toBe(31);
    expect(stderr).toContain("the downloaded k3s v1.36.5+k3s1 does not have the pinned SHA-256 d73847bc");
    const call = host.calls().find((c) => c.startsWith("curl"));
    expect(call).toContain("curl --proto =https --tlsv1.2 --fail ");
    expect(call).toContain(releaseUrl("v1.36.5+k3s1", "amd64"));
    expect(fingerprint()).toBe(before);
  });

  it("that cannot be reached names the way without the Internet", () => {
    host.stub("curl", "exit 6");
    const { code, stderr } = host.run(script(), { DIE_AT: "never" });
    expect([code, stderr]).toEqual([
      31,
      expect.stringContaining("or use cluster.artifacts.source: directory"),
    ]);
  });

  it("is installed when it is the pinned one, and not asked for again", () => {
    const binary = host.read("/var/lib/hc-test/upload/1/k3s");
    host.write("/state/release", binary);
    host.stub("curl", 'case "$*" in *github*) cp "$ROOT/state/release" "${@: -2:1}";; *) printf ok;; esac');
    const pinned = script().replace(/SHA256='d738[0-9a-f]+'/, `SHA256='${sha256(binary)}'`);
    expect(host.run(pinned, { DIE_AT: "never" })).toMatchObject({ code: 0, stderr: "" });
    host.calls();
    expect(host.run(pinned, { DIE_AT: "never" }).code).toBe(0);
    expect(host.calls().filter((c) => c.includes("github"))).toEqual([]);
  });
});
