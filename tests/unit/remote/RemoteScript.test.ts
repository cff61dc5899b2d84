import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { endMarker, remoteScript, sshConnection, upload } from "../../../components/remote/index.ts";
import type { RemoteScript } from "../../../components/remote/index.ts";
import { isSecret, named, record, valueOf } from "./recorder.ts";

const hostKey = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)}`;
const reach = (changes: Partial<Parameters<typeof sshConnection>[0]> = {}) =>
  sshConnection({
    address: "192.0.2.1",
    user: "root",
    hostKey,
    privateKey: pulumi.secret("PRIVATE"),
    ...changes,
  });

class Parent extends pulumi.ComponentResource {
  constructor() {
    super("test:index:Parent", "p", {});
  }
}

const one = async (user = "root") => {
  let script: RemoteScript | undefined;
  const records = await record(
    () => {
      const connection = reach({ user });
      script = remoteScript(
        "p-step",
        { connection, script: "echo hello", timeoutSeconds: 60 },
        { parent: new Parent() },
      );
    },
    { stdout: () => `printed\n${endMarker}\n` },
  );
  if (script === undefined) throw new Error("not built");
  return { script, command: named(records, "p-step") };
};

describe("remoteScript", () => {
  it("is one command with a constant loader and all content in the secret stdin", async () => {
    const { command } = await one();
    expect(command.type).toBe("command:remote:Command");
    expect(command.parent).toBe("p");
    expect(command.inputs).toEqual({
      connection: {
        secret: {
          host: "192.0.2.1",
          port: 22,
          user: "root",
          hostKey,
          privateKey: "PRIVATE",
          dialErrorLimit: 8,
          perDialTimeout: 15,
        },
      },
      create: expect.stringMatching(/^timeout -k 10 60 env -i SHLVL=1 .* bash -euo pipefail -c /) as string,
      stdin: { secret: "echo hello" },
      logging: "none",
      addPreviousOutputInEnv: false,
    });
    expect(command.inputs["create"]).not.toContain("hello");
  });

  it("has neither triggers nor delete, so nothing on a host is ever undone by a replacement", async () => {
    const { command } = await one();
    expect(command.inputs).not.toHaveProperty("triggers");
    expect(command.inputs).not.toHaveProperty("delete");
    expect(command.inputs).not.toHaveProperty("environment");
  });

  it("hides its output and gives the engine more time than the host", async () => {
    const { command, script } = await one();
    expect(command.additionalSecretOutputs).toEqual(expect.arrayContaining(["stdout", "stderr"]));
    expect(command.timeouts).toEqual({ create: "240s", update: "240s" });
    expect(await isSecret(script.output())).toBe(true);
    expect(await valueOf(script.output())).toBe("printed\n");
    expect(await isSecret(script.done)).toBe(false);
  });

  it("uses sudo, and only for users other than root", async () => {
    expect((await one("deploy")).command.inputs["create"]).toMatch(/^sudo -n timeout -k 10 60 env -i /);
    expect((await one("root")).command.inputs["create"]).not.toContain("sudo");
  });
});

describe("upload", () => {
  it("copies without triggers over the pinned connection", async () => {
    const records = await record(() => {
      upload(
        "u",
        { connection: reach(), directory: ".", remotePath: "/var/lib/p/upload/1" },
        { parent: new Parent() },
      );
    });
    const { inputs, timeouts } = named(records, "u");
    expect(Object.keys(inputs).sort()).toEqual(["connection", "remotePath", "source"]);
    expect(inputs["connection"]).toHaveProperty("secret.hostKey", hostKey);
    expect(timeouts).toEqual({ create: "3600s", update: "3600s" });
  });
});

describe("sshConnection", () => {
  it("leaves the key out when the agent answers", async () => {
    const { connection } = reach({ privateKey: undefined });
    expect(await valueOf(connection)).not.toHaveProperty("privateKey");
    expect(await isSecret(connection)).toBe(true);
  });

  it("takes a key with a comment and pins it without", async () => {
    expect(await valueOf(reach({ hostKey: `${hostKey} root@host\n` }).connection)).toHaveProperty(
      "hostKey",
      hostKey,
    );
  });

  it.each(["", "ssh-rsa AAAAB3NzaC1yc2E", "ssh-ed25519 AAAA", `${hostKey}!`, "AAAAC3NzaC1lZDI1NTE5"])(
    "refuses the pin %j",
    (key) => {
      expect(() => reach({ hostKey: key })).toThrow(/^host.hostKey: expected "ssh-ed25519 AAAA…"/);
    },
  );

  it.each(["", "Root", "a b", "x;id"])("refuses the user %j", (user) => {
    expect(() => reach({ user })).toThrow("is not a Linux user name");
  });
});
