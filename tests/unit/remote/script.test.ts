import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endMarker, outputOf, renderScript } from "../../../components/remote/script.ts";
import type { ScriptPlan } from "../../../components/remote/script.ts";
import { Sandbox } from "./sandbox.ts";

const plan = (changes: Partial<ScriptPlan> = {}): ScriptPlan => ({
  phase: "trial",
  prefix: "hc-test",
  mode: "apply",
  exclusive: false,
  values: { WORD: "it's $HOME", LIST: ["a b", "c"], NUMBER: 3 },
  parts: ['work() { log "$WORD" "${LIST[0]}" "$NUMBER"; }'],
  steps: ["work"],
  ...changes,
});

let host: Sandbox;
beforeEach(() => {
  host = new Sandbox();
});
afterEach(() => {
  host.destroy();
});

describe("a script on its way to the host", () => {
  it("runs to its end and says so", () => {
    expect(host.run(renderScript(plan()))).toEqual({
      code: 0,
      stdout: `[trial] it's $HOME a b 3\n${endMarker}\n`,
      stderr: "",
    });
  });

  it("is not run at all when it was cut, wherever that was", () => {
    const script = renderScript(plan({ parts: ["work() { echo ran; }"] })).trimEnd();
    for (let length = 0; length < script.length; length += Math.ceil(script.length / 11)) {
      const { code, stdout } = host.run(script.slice(0, length));
      expect([length, code, stdout]).toEqual([length, 90, ""]);
    }
  });

  it("fails when it ends early with status 0", () => {
    const { code, stdout } = host.run(renderScript(plan({ parts: ["work() { exit 0; }"] })));
    expect([code, stdout]).toEqual([90, ""]);
  });

  it("keeps the exit code of its cause", () => {
    const { code, stderr } = host.run(renderScript(plan({ parts: ["work() { die 31 'not this one'; }"] })));
    expect([code, stderr]).toEqual([31, "[trial] error: not this one\n"]);
  });

  it("stops at a failed command, also in front of a pipe", () => {
    const { code, stdout } = host.run(renderScript(plan({ parts: ["work() { false | cat; echo on; }"] })));
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("gives its children nothing to read, so none can eat the rest of it", () => {
    const { stdout } = host.run(renderScript(plan({ parts: ["work() { cat; echo alive; }"] })));
    expect(stdout).toBe(`alive\n${endMarker}\n`);
  });

  it("sees none of the login's environment", () => {
    process.env["K3S_TOKEN_OF_TEST"] = "leaked";
    const { stdout } = host.run(renderScript(plan({ parts: ["work() { env; }"] })));
    delete process.env["K3S_TOKEN_OF_TEST"];
    expect(stdout).not.toContain("leaked");
    expect(stdout).toContain("HOME=/root");
  });

  it("waits for the lock of the stack and gives up with a code of its own", () => {
    host.stub("flock", "exit 1");
    const { code, stderr } = host.run(renderScript(plan({ exclusive: true })));
    expect(code).toBe(11);
    expect(stderr).toContain("another run has held /run/lock/hc-test.lock for 300 s");
  });

  it("takes no lock to look", () => {
    host.stub("flock", "exit 1");
    expect(host.run(renderScript(plan({ exclusive: true, mode: "probe" }))).code).toBe(0);
  });

  it("refuses a variable name that bash could misread", () => {
    expect(() => renderScript(plan({ values: { "a b": "x" } }))).toThrow('script variable "a b"');
  });
});

describe("install_file", () => {
  const files = { write_files: [{ path: "/etc/app/a.conf", mode: "600", content: "secret $HOME\n" }] };
  const script = (mode: ScriptPlan["mode"]) =>
    renderScript(
      plan({ mode, files, parts: ['tell() { log "changed $changed"; }'], steps: ["write_files", "tell"] }),
    );

  it("writes once, then finds nothing to do", () => {
    expect(host.run(script("apply")).stdout).toContain("wrote /etc/app/a.conf\n[trial] changed 1\n");
    expect(host.read("/etc/app/a.conf")).toBe("secret $HOME\n");
    expect(host.run(script("apply")).stdout).toBe(`[trial] changed 0\n${endMarker}\n`);
    expect(host.run(script("probe")).code).toBe(0);
  });

  it("replaces what a killed run left behind, and a link", () => {
    host.write("/etc/app/.a.conf.new", "half");
    host.write("/etc/app/other", "keep");
    host.run(renderScript(plan({ parts: ["work() { ln -s other /etc/app/a.conf; }"] })));
    host.run(script("apply"));
    expect(host.read("/etc/app/a.conf")).toBe("secret $HOME\n");
    expect(host.read("/etc/app/other")).toBe("keep");
    expect(host.has("/etc/app/.a.conf.new")).toBe(false);
  });

  it.each([
    ["content", "echo other >/etc/app/a.conf"],
    ["mode", "chmod 644 /etc/app/a.conf"],
    ["absence", "rm /etc/app/a.conf"],
  ])("a probe names the file that differs by %s, and changes nothing", (_, change) => {
    host.run(script("apply"));
    host.run(renderScript(plan({ parts: [`work() { ${change}; }`] })));
    const before = host.has("/etc/app/a.conf") && host.read("/etc/app/a.conf");
    const { code, stdout } = host.run(script("probe"));
    expect([code, stdout.split("\n")[0]]).toEqual([2, "[trial] differs: /etc/app/a.conf"]);
    expect(host.has("/etc/app/a.conf") && host.read("/etc/app/a.conf")).toBe(before);
  });
});

describe("outputOf", () => {
  it("gives what was printed before the marker", () => {
    expect(outputOf(`a: 1\n${endMarker}\n`, "x")).toBe("a: 1\n");
  });

  it("throws without the marker and does not show the output", () => {
    expect(() => outputOf("private-key", "cluster-kubeconfig")).toThrow(
      "cluster-kubeconfig: the script ended without its marker, so it did not run to the end; run the update again",
    );
  });
});
