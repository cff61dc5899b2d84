import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { Host } from "../../../components/host/index.ts";
import { sshConnection } from "../../../components/remote/index.ts";
import { named, record, valueOf } from "../remote/recorder.ts";
import { hostSpec } from "./spec.ts";

const build = (changes: Parameters<typeof hostSpec>[0] = {}, user = "root") => {
  const connection = sshConnection({
    address: "192.0.2.1",
    user,
    hostKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`,
    privateKey: pulumi.secret("PRIVATE"),
  });
  const { user: _, ...spec } = hostSpec(changes);
  return new Host("host", { ...spec, connection });
};

describe("Host", () => {
  it("is four commands, one after the other", async () => {
    const records = await record(() => build());
    expect(records.map((r) => [r.type, r.name, r.parent, r.dependsOn])).toEqual([
      ["platform:host:Host", "host", "", []],
      ["command:remote:Command", "host-preflight", "host", []],
      ["command:remote:Command", "host-directories", "host", ["host-preflight"]],
      ["command:remote:Command", "host-base", "host", ["host-directories"]],
      ["command:remote:Command", "host-kernel", "host", ["host-base"]],
    ]);
  });

  it("keeps the connection out of its own inputs and the scripts on stdin", async () => {
    const records = await record(() => build());
    expect(JSON.stringify(named(records, "host").inputs)).not.toContain("PRIVATE");
    for (const r of records.slice(1)) {
      expect(r.inputs["stdin"]).toHaveProperty("secret", expect.stringContaining("# end of script"));
      expect(r.inputs).not.toHaveProperty("triggers");
      expect(r.inputs).not.toHaveProperty("delete");
    }
  });

  it("a raised generation changes every script, so a rebuilt host gets all of it", async () => {
    const stdin = async (generation: number) =>
      (await record(() => build({ generation }))).slice(1).map((r) => JSON.stringify(r.inputs["stdin"]));
    const [first, second] = [await stdin(1), await stdin(2)];
    first.forEach((script, i) => {
      expect(script).not.toBe(second[i]);
    });
  });

  it("gives the upload directory to the login user", async () => {
    const records = await record(() => build({}, "deploy"));
    expect(JSON.stringify(named(records, "host-directories").inputs["stdin"])).toContain(
      "LOGIN_USER='deploy'",
    );
  });

  it("says when it is ready", async () => {
    let host: Host | undefined;
    await record(() => {
      host = build({ generation: 3 });
    });
    expect(host && (await valueOf(host.ready))).toBe("vps-1 generation 3");
  });

  it("refuses bad settings before it registers a command", async () => {
    await expect(record(() => build({ dataDirectory: "/etc" }))).rejects.toThrow("host.dataDirectory");
  });

  it("two hosts in one program do not collide, and a preview knows no marker", async () => {
    const records = await record(() => build(), { preview: true });
    expect(new Set(records.map((r) => r.name)).size).toBe(records.length);
  });
});
