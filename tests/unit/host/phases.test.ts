import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { baseFiles, basePackages, renderBase } from "../../../components/host/base.ts";
import { renderDirectories } from "../../../components/host/directories.ts";
import { hostOwns, renderFingerprint } from "../../../components/host/fingerprint.ts";
import { kernelFiles, kernelSettings, renderKernel } from "../../../components/host/kernel.ts";
import { renderPreflight } from "../../../components/host/preflight.ts";
import { checkHostSpec } from "../../../components/host/types.ts";
import { endMarker } from "../../../components/remote/index.ts";
import { Sandbox } from "../remote/sandbox.ts";
import { hasShellcheck, shellcheck, syntaxErrors } from "../remote/syntax.ts";
import { hostMatrix, hostSpec } from "./spec.ts";

const scripts = hostMatrix.flatMap((spec) =>
  (["apply", "probe"] as const).flatMap((mode) => [
    renderPreflight(spec),
    renderDirectories(spec, mode),
    renderBase(spec, mode),
    renderKernel(spec, mode),
    renderFingerprint(spec.prefix, [hostOwns(spec)]),
  ]),
);

it("every script of every combination parses", () => {
  expect(scripts).toHaveLength(240);
  expect(new Set(scripts).size).toBe(24);
  expect([...new Set(scripts)].map(syntaxErrors).filter((e) => e !== "")).toEqual([]);
});

it.skipIf(!hasShellcheck)("shellcheck finds nothing (skipped where shellcheck is not installed)", () => {
  expect(
    scripts
      .slice(0, 8)
      .map(shellcheck)
      .filter((e) => e !== ""),
  ).toEqual([]);
});

let host: Sandbox;
beforeEach(() => {
  host = new Sandbox();
});
afterEach(() => {
  host.destroy();
});

describe("base", () => {
  /** systemd, dpkg and the clock, as far as the phase asks them. */
  const prepare = (): void => {
    host.write("/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 old old.example\n");
    host.write("/etc/fstab", "UUID=1 / ext4 defaults 0 1\n/swapfile none swap sw 0 0\n");
    host.write("/proc/sys/kernel/hostname", "old\n");
    host.write("/state/swap", "/swapfile\n");
    host.write("/state/packages", "curl\n");
    host.stub("dpkg-query", 'grep -qx "${@: -1}" "$ROOT/state/packages" && printf installed');
    host.stub("apt-get", 'case "$*" in *" install "*) printf "%s\\n" $* >>"$ROOT/state/packages";; esac');
    host.stub("swapon", 'cat "$ROOT/state/swap"');
    host.stub("swapoff", ': >"$ROOT/state/swap"');
    host.stub("hostname", 'printf "%s\\n" "$1" >"$ROOT/proc/sys/kernel/hostname"');
    host.stub(
      "systemctl",
      'case "$*" in "enable --now"*) touch "$ROOT/state/chrony";; -q*) [ -e "$ROOT/state/chrony" ];; esac',
    );
    host.stub("timedatectl", "echo yes");
  };
  beforeEach(prepare);

  const changes = (): readonly string[] =>
    host.calls().filter((c) => /^(apt-get|swapoff|hostname|systemctl enable)/.test(c));

  it("does its work once; a second run and a probe find nothing to do", () => {
    const spec = hostSpec();
    expect(host.run(renderBase(spec, "probe")).code).toBe(2);
    expect(changes()).toEqual([]);

    expect(host.run(renderBase(spec, "apply"))).toMatchObject({ code: 0, stderr: "" });
    expect(changes()).toEqual([
      expect.stringMatching(/^apt-get .* update$/),
      expect.stringMatching(
        /^apt-get .*--no-install-recommends apparmor ca-certificates iptables .* chrony$/,
      ),
      "hostname vps-1",
      "swapoff -a",
      "systemctl enable --now chrony",
    ]);
    expect(host.read("/etc/hosts")).toBe("127.0.0.1 localhost\n127.0.1.1 vps-1\n");
    expect(host.read("/etc/hostname")).toBe("vps-1\n");
    expect(host.read("/etc/fstab")).toBe(
      "UUID=1 / ext4 defaults 0 1\n# off, the platform runs without swap: /swapfile none swap sw 0 0\n",
    );

    expect(host.run(renderBase(spec, "apply"))).toEqual({ code: 0, stdout: `${endMarker}\n`, stderr: "" });
    expect(host.run(renderBase(spec, "probe")).code).toBe(0);
    expect(changes()).toEqual([]);
  });

  it("leaves time and swap alone when told so", () => {
    const spec = hostSpec({ timeSync: "skip", swap: "keep" });
    expect(host.run(renderBase(spec, "apply")).code).toBe(0);
    expect(host.calls().filter((c) => /^(systemctl|timedatectl|swap)/.test(c))).toEqual([]);
    expect(host.read("/etc/fstab")).toContain("\n/swapfile none swap");
    expect(basePackages(spec)).not.toContain("chrony");
  });

  it("stops with the reason when packages cannot be had", () => {
    host.stub("apt-get", "echo 'E: no network' >&2; exit 100");
    const { code, stdout, stderr } = host.run(renderBase(hostSpec(), "apply"));
    expect(code).toBe(21);
    expect(stdout).toContain("E: no network");
    expect(stderr).toContain("apt-get update failed three times");
  });

  it.each([
    [0, 0],
    [2, 0],
    [1, 21],
  ])("cloud-init that ends with %i gives %i", (status, expected) => {
    host.stub("cloud-init", `exit ${String(status)}`);
    expect(host.run(renderBase(hostSpec(), "apply")).code).toBe(expected);
  });

  it("says that the clock was never synchronized", () => {
    host.stub("timedatectl", "echo no");
    const script = renderBase(hostSpec(), "apply").replace("TIME_DEADLINE='180'", "TIME_DEADLINE='0'");
    const { code, stderr } = host.run(script);
    expect([code, stderr]).toEqual([
      22,
      expect.stringContaining("host.timeSync: the clock is not synchronized"),
    ]);
  });

  it("keeps cloud-init from renaming the host, where there is one", () => {
    host.run(renderBase(hostSpec(), "apply"));
    expect(host.has("/etc/cloud")).toBe(false);
    host.mkdir("/etc/cloud");
    host.run(renderBase(hostSpec(), "apply"));
    expect(host.read("/etc/cloud/cloud.cfg.d/99-hc-test.cfg")).toBe(
      "preserve_hostname: true\nmanage_etc_hosts: false\n",
    );
  });
});

describe("directories", () => {
  it("are made once, uploads belong to the login user", () => {
    host.stub("chown", "");
    const spec = hostSpec({ user: "deploy" });
    expect(host.run(renderDirectories(spec, "probe")).code).toBe(2);
    expect(host.run(renderDirectories(spec, "apply"))).toMatchObject({ code: 0, stderr: "" });
    expect(host.has("/srv/hc-test/volumes")).toBe(true);
    expect(host.calls()).toContainEqual(
      expect.stringMatching(/^chown -- deploy .*\/var\/lib\/hc-test\/upload$/),
    );
  });
});

describe("kernel", () => {
  beforeEach(() => {
    host.write("/proc/filesystems", "nodev\toverlay\n");
    // Loading a module shows its effect; sysctl writes what the file says.
    host.stub(
      "modprobe",
      'mkdir -p "$ROOT/sys/module/$1" "$ROOT/proc/sys/net/bridge"; : >"$ROOT/proc/sys/net/bridge/bridge-nf-call-iptables"',
    );
    host.stub(
      "sysctl",
      'while IFS== read -r k v; do f="$ROOT/proc/sys/${k//.//}"; mkdir -p "${f%/*}"; echo "$v" >"$f"; done <"$3"',
    );
  });

  it("does its work once; a second run and a probe find nothing to do", () => {
    const spec = hostSpec({ user: "root" });
    expect(host.run(renderKernel(spec, "probe")).code).toBe(2);
    expect(host.run(renderKernel(spec, "apply"))).toMatchObject({ code: 0, stderr: "" });
    expect(host.calls().filter((c) => /^(modprobe|sysctl)/.test(c))).toEqual([
      "modprobe br_netfilter",
      "modprobe wireguard",
      expect.stringMatching(/^sysctl -q -p .*\/etc\/sysctl.d\/90-kubelet.conf$/),
    ]);
    expect(host.read("/proc/sys/vm/overcommit_memory")).toBe("1\n");
    expect(host.run(renderKernel(spec, "apply")).stdout).not.toContain("wrote");
    expect(host.calls().filter((c) => /^(modprobe|sysctl)/.test(c))).toEqual([]);
    expect(host.run(renderKernel(spec, "probe")).code).toBe(0);
  });

  it("a setting that was changed by hand is drift, and is put back", () => {
    host.run(renderKernel(hostSpec(), "apply"));
    host.write("/proc/sys/kernel/panic", "0\n");
    expect(host.run(renderKernel(hostSpec(), "probe")).stdout).toContain("differs: kernel settings");
    host.run(renderKernel(hostSpec(), "apply"));
    expect(host.read("/proc/sys/kernel/panic")).toBe("10\n");
  });

  it("names the module that cannot be loaded", () => {
    host.stub("modprobe", "exit 1");
    const { code, stderr } = host.run(renderKernel(hostSpec(), "apply"));
    expect([code, stderr]).toEqual([
      23,
      expect.stringContaining("kernel module br_netfilter cannot be loaded"),
    ]);
  });

  it("says when a setting does not hold although it was set", () => {
    host.stub("sysctl", "");
    expect(host.run(renderKernel(hostSpec(), "apply")).stderr).toContain("still not so after it was done");
  });
});

describe("exact content", () => {
  it("kernel files", () => {
    expect(kernelFiles(hostSpec())).toEqual([
      {
        path: "/etc/modules-load.d/hc-test.conf",
        mode: "644",
        content: "overlay\nbr_netfilter\nwireguard\n",
      },
      { path: "/etc/sysctl.d/90-kubelet.conf", mode: "644", content: `${kernelSettings.join("\n")}\n` },
    ]);
    expect(kernelFiles(hostSpec({ flannelBackend: "host-gw" }))[0]?.content).toBe("overlay\nbr_netfilter\n");
    expect(kernelFiles(hostSpec({ flannelBackend: "vxlan" }))[0]?.content).toBe(
      "overlay\nbr_netfilter\nvxlan\n",
    );
  });

  it("what the kubelet demands under protect-kernel-defaults", () => {
    expect(kernelSettings).toEqual(
      expect.arrayContaining([
        "vm.panic_on_oom=0",
        "vm.overcommit_memory=1",
        "kernel.panic=10",
        "kernel.panic_on_oops=1",
      ]),
    );
  });

  it("base files", () => {
    expect(baseFiles(hostSpec()).map((f) => f.path)).toEqual([
      "/etc/needrestart/conf.d/50-k3s.conf",
      "/etc/apt/apt.conf.d/52hc-test-upgrades",
    ]);
    expect(baseFiles(hostSpec())[1]?.content).toContain('Unattended-Upgrade::Automatic-Reboot "false";');
  });
});

describe("refused before anything is sent", () => {
  it.each([
    [{ prefix: "A" }, "prefix"],
    [{ hostname: "under_score" }, "host.hostname"],
    [{ dataDirectory: "relative" }, "host.dataDirectory"],
    [{ dataDirectory: "/srv/../etc/x" }, "host.dataDirectory"],
    [{ dataDirectory: "/var/lib/rancher/k3s/x" }, "host.dataDirectory"],
    [{ dataDirectory: "/var/lib/hc-test" }, "host.dataDirectory"],
    [{ generation: -1 }, "host.generation"],
  ])("%o", (changes, key) => {
    expect(() => {
      checkHostSpec(hostSpec(changes));
    }).toThrow(new RegExp(`^${key}: `));
  });

  it("all of them in one message", () => {
    expect(() => {
      checkHostSpec(hostSpec({ prefix: "A", hostname: "_", generation: -1 }));
    }).toThrow(/prefix: [^]*\nhost.hostname: [^]*\nhost.generation: /);
  });
});
