import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { stackInit } from "../../../scripts/lib/stack-init.ts";
import { stateUrl } from "../../../scripts/lib/state-bucket.ts";
import { readRepositoryFile, repositoryFile } from "../stacks/examples.ts";
import { fakeCommands } from "./fake-commands.ts";
import type { FakeCommands } from "./fake-commands.ts";
import { fakeStore, storeSecret } from "./fake-store.ts";
import type { FakeStore } from "./fake-store.ts";

let store: FakeStore;
let fake: FakeCommands;
let file = "";
let output: string[] = [];

beforeAll(async () => {
  store = await fakeStore("team-state", "FAKE-KEY-ID");
});
afterAll(() => {
  store.close();
});
beforeEach(() => {
  store.reset();
  fake = fakeCommands();
  output = [];
  file = join(fake.directory, "Pulumi.staging.yaml");
  copyFileSync(repositoryFile("Pulumi.staging.yaml"), file);
  vi.stubEnv("PATH", `${fake.bin}:${process.env["PATH"] ?? ""}`);
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "a passphrase of some length");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "FAKE-KEY-ID");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", storeSecret);
  vi.stubEnv("FAKE_BACKEND", "file:///nowhere");
});
afterEach(() => {
  vi.unstubAllEnvs();
  fake.remove();
});

const flags = (): readonly string[] => ["--state-bucket", "team-state", "--state-endpoint", store.endpoint];
const init = async (args: readonly string[], answer?: string): Promise<void> => {
  const mode = answer === undefined ? ["--non-interactive"] : [];
  const reply = (question: string): Promise<string> => {
    output.push(question);
    return Promise.resolve(answer ?? "");
  };
  await stackInit(["staging", "--config-file", file, ...mode, ...args], {
    print: (line) => output.push(line),
    prompter: () => ({ ask: reply, askSecret: reply, close: () => undefined }),
  });
};
const url = (): string => stateUrl({ bucket: "team-state", endpoint: store.endpoint, region: "default" });

describe("stack:init --state-bucket", () => {
  it("prepares the bucket, shows the login and changes nothing else", async () => {
    await init(flags());
    expect(output).toEqual([
      "set     versioning of bucket team-state",
      `next    pulumi login '${url()}'`,
      "next    then run this command again; nothing else was changed",
    ]);
    expect(store.behaviour.status).toBe("Enabled");
    expect(readFileSync(file, "utf8")).toBe(readRepositoryFile("Pulumi.staging.yaml"));
    expect(fake.calls()).toBe("--non-interactive whoami --json\n");
  });

  it("goes on with the stack once pulumi is logged in there", async () => {
    vi.stubEnv("FAKE_BACKEND", url());
    store.behaviour.status = "Enabled";
    await init([...flags(), "--keep-examples", "--generate-ssh-key"]);
    expect(output[0]).toBe("kept    versioning of bucket team-state");
    expect(output).toContain("set     clusterToken (secret)");
  });

  it("asks a person first, and takes no for no", async () => {
    await expect(init(flags(), "no")).rejects.toThrow("versioning is off; a state without versions");
    expect(output).toEqual(["Bucket team-state keeps no old versions. Switch versioning on? (yes/no)"]);
    expect(store.behaviour.status).toBeUndefined();
    await init(flags(), "yes");
    expect(store.behaviour.status).toBe("Enabled");
  });

  it("shows no key: not on the screen, not in an argument, not in a file", async () => {
    vi.stubEnv("FAKE_BACKEND", url());
    await init([...flags(), "--keep-examples", "--generate-ssh-key"]);
    expect(output.join("\n") + fake.calls() + readFileSync(file, "utf8")).not.toContain(storeSecret);
  });

  it("needs bucket and store together, and the key in the environment", async () => {
    await expect(init(["--state-bucket", "team-state"])).rejects.toThrow(
      "--state-bucket, --state-endpoint: only together",
    );
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "");
    await expect(init(flags())).rejects.toThrow("AWS_SECRET_ACCESS_KEY: not set");
    expect(store.requests()).toEqual([]);
  });
});
