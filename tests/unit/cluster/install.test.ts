import { lstatSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { clusterOwns, renderInstall } from "../../../components/cluster/install.ts";
import { renderReadKubeconfig } from "../../../components/cluster/kubeconfig.ts";
import { hostOwns, renderFingerprint } from "../../../components/host/index.ts";
import { endMarker } from "../../../components/remote/index.ts";
import { hostSpec } from "../host/spec.ts";
import { hasShellcheck, shellcheck, syntaxErrors } from "../remote/syntax.ts";
import { K3sHost } from "./k3sHost.ts";
import { clusterSecrets, clusterSpec } from "./spec.ts";

const host = new K3sHost();
beforeEach(() => {
  host.reset();
  host.upload();
  host.calls();
});
afterAll(() => {
  host.destroy();
});

const print = renderFingerprint("hc-test", [hostOwns(hostSpec()), clusterOwns({ prefix: "hc-test" })]);
const fingerprint = (): string => {
  const { code, stdout } = host.run(print);
  expect(code).toBe(0);
  // The stub of k3s notes its calls beside itself.
  return stdout.replace(/.*\.calls file .*\n/g, "");
};
const modeOf = (path: string): string => (statSync(join(host.root, path)).mode & 0o777).toString(8);

describe("rendering", () => {
  const registry = { host: "r.example.com", endpoint: "https://r.example.com", username: "robot" };
  const matrix = (["release", "directory"] as const).flatMap((source) =>
    ([undefined, registry] as const).flatMap((r) =>
      (["refuse", "accept"] as const).flatMap((cgroupV1) =>
        (["apply", "probe"] as const).map((mode) => {
          const artifacts =
            source === "release" ? { source } : { source, path: "a", manifestSha256: "0".repeat(64) };
          const secrets = { ...clusterSecrets, registryPassword: r && "CANARY_REGISTRY it's" };
          return renderInstall(clusterSpec({ artifacts, registry: r, cgroupV1 }), secrets, mode);
        }),
      ),
    ),
  );

  it("every combination parses", () => {
    expect(new Set(matrix).size).toBe(16);
    expect([...matrix, renderReadKubeconfig("hc-test", 1)].map(syntaxErrors).filter((e) => e !== "")).toEqual(
      [],
    );
  });

  it.skipIf(!hasShellcheck)("shellcheck finds nothing (skipped where shellcheck is not installed)", () => {
    expect([matrix[0], matrix[15]].map((s) => shellcheck(s ?? "")).filter((e) => e !== "")).toEqual([]);
  });
});

describe("a bare host", () => {
  it("gets k3s, and only root can read what is secret", () => {
    expect(host.install()).toMatchObject({ code: 0, stderr: "" });
    expect(readlinkSync(join(host.root, "/usr/local/bin/k3s"))).toBe("k3s-v1.36.5+k3s1");
    expect(lstatSync(join(host.root, "/usr/local/bin/k3s-v1.36.5+k3s1")).isFile()).toBe(true);
    expect(host.read("/var/lib/rancher/k3s/agent/images/system.tar")).toBe("images");
    for (const [path, mode] of [
      ["/etc/rancher/k3s/config.yaml", "600"],
      ["/var/lib/rancher/k3s/server/psa.yaml", "600"],
      ["/var/lib/rancher/k3s/server/audit.yaml", "600"],
      ["/var/lib/rancher/k3s/server/logs", "700"],
      ["/etc/systemd/system/k3s.service", "644"],
      ["/usr/local/sbin/hc-test-k3s-certificates", "755"],
      ["/var/lib/hc-test/good", "700"],
    ] as const) {
      expect([path, modeOf(path)]).toEqual([path, mode]);
    }
    expect(host.has("/var/lib/hc-test/upload/1")).toBe(false);
    expect(host.has("/etc/rancher/k3s/registries.yaml")).toBe(false);
    expect(host.starts()).toBe(1);
  });

  it("prints no secret, not even when it fails", () => {
    const good = host.install();
    const bad = host.install({ kubeletArgs: ["v=BROKEN"] });
    expect(bad.stderr).toContain("token is ***, bad flag");
    expect(good.stdout + good.stderr + bad.stdout + bad.stderr).not.toContain("CANARY");
  });

  it("finds nothing to do the second time", () => {
    host.install();
    const before = fingerprint();
    host.calls();
    expect(host.install()).toEqual({
      code: 0,
      stdout: `[k3s] k3s v1.36.5+k3s1 is ready on node vps-1\n${endMarker}\n`,
      stderr: "",
    });
    expect(host.starts()).toBe(0);
    expect(fingerprint()).toBe(before);
    expect(host.run(host.script({}, "probe"), { DIE_AT: "never" }).code).toBe(0);
  });

  it("takes an upload that lies one directory deeper", () => {
    host.remove("/var/lib/hc-test/upload/1");
    host.upload({}, "/artifacts");
    expect(host.install().code).toBe(0);
    expect(host.has("/usr/local/bin/k3s")).toBe(true);
  });

  it("says so when k3s does not start and there is nothing to go back to", () => {
    const { code, stderr } = host.install({ kubeletArgs: ["v=BROKEN"] });
    expect(code).toBe(40);
    expect(stderr).toContain("there is no earlier good configuration");
    expect(host.install().code).toBe(0);
  });
});

describe("a change", () => {
  beforeEach(() => {
    host.installed();
    host.calls();
  });

  it("restarts k3s once", () => {
    expect(host.install({ kubeletArgs: ["max-pods=50"] }).code).toBe(0);
    expect(host.starts()).toBe(1);
    expect(host.read("/etc/rancher/k3s/config.yaml")).toContain("max-pods=50");
  });

  it.each([
    ["/etc/rancher/k3s/config.yaml", "# by hand\n"],
    ["/etc/systemd/system/k3s.service", "# by hand\n"],
  ])("by hand of %s is drift, is put back and restarts k3s", (path, content) => {
    host.write(path, content);
    const probe = host.run(host.script({}, "probe"), { DIE_AT: "never" });
    expect([probe.code, probe.stdout]).toEqual([2, expect.stringContaining(`differs: ${path}\n`)]);
    expect(host.read(path)).toBe(content);
    expect(host.install().code).toBe(0);
    expect(host.starts()).toBe(1);
  });

  it("that k3s refuses is undone and is a failure", () => {
    const before = fingerprint();
    const { code, stderr } = host.install({ kubeletArgs: ["v=BROKEN"] });
    expect(code).toBe(41);
    expect(stderr).toContain("k3s refused the new configuration");
    expect(host.starts()).toBe(2);
    expect(fingerprint()).toBe(before);
    expect(host.install().code).toBe(0);
    expect(host.starts()).toBe(0);
  });

  it("of version keeps a snapshot first, and goes back to the old binary when it fails", () => {
    const before = host.read("/usr/local/bin/k3s");
    host.upload({ version: "v1.36.5+k3s1" });
    host.install({ version: "v1.36.5+k3s1" });
    expect(host.read("/usr/local/bin/k3s.calls")).not.toContain("etcd-snapshot");
    expect(host.read("/usr/local/bin/k3s")).toBe(before);
  });

  it("adds and removes the login to a registry", () => {
    const registry = { host: "r.example.com", endpoint: "https://r.example.com", username: "robot" };
    const secrets = { ...clusterSecrets, registryPassword: "CANARY_REGISTRY" };
    expect(host.run(host.script({ registry }, "apply", secrets), { DIE_AT: "never" }).code).toBe(0);
    expect(host.read("/etc/rancher/k3s/registries.yaml")).toContain("password: CANARY_REGISTRY");
    expect(modeOf("/etc/rancher/k3s/registries.yaml")).toBe("600");
    expect(host.install().code).toBe(0);
    expect(host.has("/etc/rancher/k3s/registries.yaml")).toBe(false);
    expect(host.starts()).toBe(2);
  });

  it("of images needs no restart, and old archives go", () => {
    host.upload({ images: { "other.tar": "new" } });
    expect(host.install().code).toBe(0);
    expect(host.starts()).toBe(0);
    expect(host.has("/var/lib/rancher/k3s/agent/images/system.tar")).toBe(false);
    expect(host.read("/var/lib/rancher/k3s/agent/images/other.tar")).toBe("new");
  });
});

describe("an upgrade", () => {
  beforeEach(() => {
    host.remove("/var/lib/hc-test/upload/1");
    host.upload({ version: "v1.36.3+k3s1" });
    expect(host.install({ version: "v1.36.3+k3s1" }).code).toBe(0);
    host.upload({ version: "v1.36.5+k3s1" });
    host.calls();
  });

  it("saves a snapshot with the old binary, then switches and restarts", () => {
    expect(host.install().code).toBe(0);
    expect(host.read("/usr/local/bin/k3s-v1.36.3+k3s1")).toContain("# k3s v1.36.3");
    expect(host.calls()).toContain("k3s-stub etcd-snapshot save --name before-v1.36.5-k3s1");
    expect(readlinkSync(join(host.root, "/usr/local/bin/k3s"))).toBe("k3s-v1.36.5+k3s1");
  });

  it("that fails goes back to the old binary", () => {
    expect(host.install({ kubeletArgs: ["v=BROKEN"] }).code).toBe(41);
    expect(readlinkSync(join(host.root, "/usr/local/bin/k3s"))).toBe("k3s-v1.36.3+k3s1");
  });
});

describe("a killed run is repaired by the next one", () => {
  /** The host as it is now, against one that was installed without a disturbance. */
  let undisturbed = "";
  const expectRepaired = (): void => {
    const repaired = fingerprint();
    if (undisturbed === "") {
      host.installed();
      undisturbed = fingerprint();
    }
    expect(repaired).toBe(undisturbed);
  };

  it.each(["reload", "restart", "readyz"])("first install, killed at %s", (at) => {
    expect(host.install({}, { DIE_AT: at }).code).not.toBe(0);
    expect(host.install()).toMatchObject({ code: 0, stderr: "" });
    expectRepaired();
  });

  it.each(["reload", "restart", "readyz"])("config change, killed at %s, then taken back", (at) => {
    host.installed();
    const before = fingerprint();
    host.calls();
    expect(host.install({ kubeletArgs: ["max-pods=50"] }, { DIE_AT: at }).code).not.toBe(0);
    host.calls();
    expect(host.install().code).toBe(0);
    // k3s may have been running with either configuration.
    expect(host.starts()).toBe(1);
    expect(fingerprint()).toBe(before);
  });

  it("mid-upload: with half of a file there, nothing is installed; with all of it, everything", () => {
    host.write("/var/lib/hc-test/upload/1/system.tar", "ima");
    const before = fingerprint();
    expect(host.install().code).toBe(31);
    expect(fingerprint()).toBe(before);
    host.upload({}, "/artifacts");
    expect(host.install().code).toBe(0);
    expectRepaired();
  });

  it("leftovers of every kind are gone afterwards", () => {
    host.write("/etc/rancher/k3s/.config.yaml.new", "half");
    host.write("/usr/local/bin/.k3s-v1.36.5+k3s1.new", "half");
    host.write("/var/lib/rancher/k3s/agent/images/.system.tar.new", "half");
    host.write("/var/lib/hc-test/good/.new/version", "half");
    expect(host.install().code).toBe(0);
    expectRepaired();
  });
});
