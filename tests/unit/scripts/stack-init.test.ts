import { X509Certificate } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createCertificateAuthority } from "../../../scripts/lib/ca.ts";
import type { Prompter } from "../../../scripts/lib/prompt.ts";
import { run } from "../../../scripts/lib/run.ts";
import { fingerprint } from "../../../scripts/lib/ssh-host.ts";
import { stackInit } from "../../../scripts/lib/stack-init.ts";
import { parseConfig } from "../../../stacks/config.ts";
import { isSecretKey } from "../../../stacks/config/secrets.ts";
import { exampleSettings, readRepositoryFile, repositoryFile } from "../stacks/examples.ts";
import type { ExampleStack } from "../stacks/examples.ts";
import { fakeCommands } from "./fake-commands.ts";
import type { FakeCommands } from "./fake-commands.ts";

const keyOf = (stack: ExampleStack): string =>
  (exampleSettings(stack)["platform:host"] as { hostKey: string }).hostKey;
const hostKey = keyOf("production");

let fake: FakeCommands;
let file = "";
let output: string[] = [];

beforeEach(() => {
  fake = fakeCommands();
  file = join(fake.directory, "stack.yaml");
  output = [];
  copyFileSync(repositoryFile("Pulumi.staging.yaml"), file);
  writeFileSync(
    join(fake.directory, "id"),
    "-----BEGIN OPENSSH PRIVATE KEY-----\nZmFrZQ==\n-----END OPENSSH PRIVATE KEY-----\n",
  );
  vi.stubEnv("PATH", `${fake.bin}:${process.env["PATH"] ?? ""}`);
  vi.stubEnv("PULUMI_BACKEND_URL", "file:///nowhere");
  vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "a passphrase of some length");
  vi.stubEnv("FAKE_HOST_KEY", hostKey);
});
afterEach(() => {
  vi.unstubAllEnvs();
  fake.remove();
});

const answers = (given: Readonly<Record<string, string>>): Prompter => {
  const answer = (question: string): Promise<string> => {
    const found = Object.entries(given).find(([start]) => question.includes(start));
    return found === undefined
      ? Promise.reject(new Error(`unexpected question: ${question}`))
      : Promise.resolve(found[1]);
  };
  return { ask: answer, askSecret: answer, close: () => undefined };
};

const init = async (args: readonly string[], given: Readonly<Record<string, string>> = {}): Promise<void> => {
  const mode = Object.keys(given).length === 0 ? ["--non-interactive"] : [];
  await stackInit(["staging", "--config-file", file, ...mode, ...args], {
    print: (line) => output.push(line),
    prompter: () => answers(given),
  });
};

const complete = [
  "--host",
  "10.1.2.3",
  "--domain",
  "clinic.test",
  "--host-key-fingerprint",
  fingerprint(hostKey),
];
const withKey = (): readonly string[] => [...complete, "--ssh-key", join(fake.directory, "id")];

const config = (): Readonly<Record<string, unknown>> =>
  (parse(readFileSync(file, "utf8")) as { readonly config: Readonly<Record<string, unknown>> }).config;

/** What the stand-in "encrypted". */
const secrets = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(config()).flatMap(([key, value]) => {
      const name = key.replace("platform:", "");
      const secure = (value as { readonly secure?: string } | null)?.secure;
      return isSecretKey(name) && secure !== undefined
        ? [[name, Buffer.from(secure, "base64").toString("utf8")]]
        : [];
    }),
  );

const unchanged = (): void => {
  expect(readFileSync(file, "utf8")).toBe(readRepositoryFile("Pulumi.staging.yaml"));
  expect(fake.calls()).not.toContain("config set");
  expect(fake.calls()).not.toContain("stack init");
};

describe("stack:init", () => {
  it("makes a stack file that the program accepts", async () => {
    await init(withKey());
    const issued = {
      registryPassword: "issued-by-the-registry",
      backupAccessKeyId: "issued-by-the-store",
      backupSecretAccessKey: "issued-by-the-store-as-well",
      alertWebhookUrl: "https://alerts.example.com/token",
      deadMansSwitchUrl: "https://watchdog.example.com/token",
    };
    const made = { ...secrets(), ...issued };
    const plain = Object.entries(config()).filter(([key]) => !isSecretKey(key.replace("platform:", "")));
    const values = [
      ...plain,
      ...Object.entries(made).map(([key, value]) => [`platform:${key}`, value] as const),
    ];
    const parsed = parseConfig({
      stack: "staging",
      values: Object.fromEntries(
        values.map(([key, v]) => [key, typeof v === "string" ? v : JSON.stringify(v)]),
      ),
      secretKeys: new Set(Object.keys(made).map((key) => `platform:${key}`)),
    });
    expect(parsed.host).toMatchObject({ address: "10.1.2.3", hostKey });
    expect(parsed.cluster).toMatchObject({ nodeIp: "10.1.2.3" });
    expect(parsed.domain).toBe("clinic.test");
    expect(new Set(Object.values(made)).size).toBe(Object.keys(made).length);
  });

  it("shows no secret: not on the screen, not in an argument", async () => {
    await init(withKey());
    const values = Object.values(secrets());
    expect(values).toHaveLength(21);
    for (const value of values) {
      expect(output.join("\n")).not.toContain(value.slice(0, 30));
      expect(fake.calls()).not.toContain(value.slice(0, 30));
    }
  });

  it("makes a CA of its own: ten years, signs leaves only, named after the prefix", async () => {
    await init(withKey());
    const certificate = new X509Certificate(String(config()["platform:caCertificate"]));
    expect(certificate.subject).toBe("CN=hc-stg internal CA");
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    const years =
      (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / (365.25 * 24 * 3600 * 1000);
    expect(years).toBeCloseTo(10, 1);
    const text = await run("openssl", ["x509", "-noout", "-text"], { input: certificate.toString() });
    expect(text.stdout).toContain("CA:TRUE, pathlen:0");
  });

  it("changes nothing the second time and says what it kept", async () => {
    await init(withKey());
    const before = readFileSync(file, "utf8");
    output = [];
    await init([]);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(output.filter((line) => !line.startsWith("kept"))).toEqual(
      [
        ...["backupAccessKeyId", "backupSecretAccessKey", "alertWebhookUrl", "deadMansSwitchUrl"],
        "registryPassword",
      ].map((key) => `note    ${key}: issued elsewhere; pulumi config set --secret platform:${key}`),
    );
    expect(output).toContain("kept    caPrivateKey");
    expect(output).toContain("kept    host.hostKey");
  });

  it("says once that the backup key must be kept elsewhere too", async () => {
    await init(withKey());
    expect(output.filter((line) => line.includes("backupEncryptionKey"))).toEqual([
      "set     backupEncryptionKey (secret)",
      "note    backupEncryptionKey: without it every backup is lost, for ever; keep a copy outside of this repository and of the machine: pulumi config get platform:backupEncryptionKey",
    ]);
    output = [];
    await init([]);
    expect(output.filter((line) => line.includes("backupEncryptionKey"))).toEqual([
      "kept    backupEncryptionKey",
    ]);
  });

  const setReaders = (names: string): void => {
    const text = readFileSync(file, "utf8").replace(
      /( {6}storageGiB: 20\n)( {6}readers: .*\n)?/,
      `$1      readers: [${names}]\n`,
    );
    writeFileSync(file, text);
  };
  const readerPasswords = (): Readonly<Record<string, string>> =>
    JSON.parse(secrets()["postgresReaderPasswords"] ?? "{}") as Record<string, string>;

  it("makes a password for each reader, adds those of new ones and removes those of others", async () => {
    setReaders("jane_doe, john_roe");
    await init(withKey());
    const first = readerPasswords();
    expect(Object.keys(first)).toEqual(["jane_doe", "john_roe"]);
    expect(first["jane_doe"]).toMatch(/^[0-9a-f]{64}$/);
    expect(first["john_roe"]).not.toBe(first["jane_doe"]);
    await init([]);
    expect(readerPasswords()).toEqual(first);
    expect(output).toContain("kept    postgresReaderPasswords");
    setReaders("ada, jane_doe");
    output = [];
    await init([]);
    const second = readerPasswords();
    expect(Object.keys(second)).toEqual(["ada", "jane_doe"]);
    expect(second["jane_doe"]).toBe(first["jane_doe"]);
    expect(output.filter((line) => line.includes("postgresReaderPasswords:"))).toEqual([
      "note    postgresReaderPasswords: made a password for ada",
      "note    postgresReaderPasswords: removed the password of john_roe",
    ]);
    for (const value of [...Object.values(first), ...Object.values(second)]) {
      expect(output.join("\n") + fake.calls()).not.toContain(value);
    }
  });

  it("asks for no secret of what is not set", async () => {
    const text = readFileSync(file, "utf8")
      .replace(/ {2}platform:monitoring:\n( {4}.*\n)+/, "")
      .replace(/ {4}backup:\n( {6}.*\n)+/, "");
    writeFileSync(file, text);
    await init(withKey());
    expect(output.filter((line) => line.startsWith("note"))).toEqual([
      "note    registryPassword: issued elsewhere; pulumi config set --secret platform:registryPassword",
    ]);
    expect(Object.keys(secrets())).not.toContain("backupEncryptionKey");
    expect(Object.keys(secrets())).not.toContain("postgresBackupPassword");
  });

  it("creates the stack without touching the committed file", async () => {
    await init(withKey());
    const committed = readRepositoryFile("Pulumi.staging.yaml");
    expect(fake.calls()).toMatch(/stack init staging --no-select\n\/.*stack-init-/);
    expect(committed).not.toContain("encryptionsalt");
  });

  it("finishes what a killed run began", async () => {
    vi.stubEnv("FAKE_PULUMI_FAIL", "platform:appJwtSecret");
    await expect(init(withKey())).rejects.toThrow("pulumi config set");
    const first = secrets();
    expect(Object.keys(first)).toContain("postgresAppPassword");
    expect(Object.keys(first)).not.toContain("caPrivateKey");
    vi.stubEnv("FAKE_PULUMI_FAIL", "");
    await init(["--ssh-key", join(fake.directory, "id")]);
    expect(secrets()).toMatchObject(first);
    expect(Object.keys(secrets())).toHaveLength(21);
  });

  it("a new CA only on demand, and not when its key is lost", async () => {
    const ca = await createCertificateAuthority("hc-stg", new Date());
    const indented = ca.certificate.trimEnd().replaceAll(/^/gm, "    ");
    const text = readFileSync(file, "utf8").replace(
      / {4}-----BEGIN[\s\S]*-----END CERTIFICATE-----/,
      indented,
    );
    writeFileSync(file, text);
    await expect(init(withKey())).rejects.toThrow(
      /^caPrivateKey: missing, but caCertificate is there; restore the key/,
    );
    expect(readFileSync(file, "utf8")).toBe(text);
    await init([...withKey(), "--new-ca"]);
    expect(config()["platform:caCertificate"]).not.toBe(ca.certificate);
  });

  it("for a shared cluster: neither host nor cluster secrets", async () => {
    const text = readFileSync(file, "utf8")
      .replace(/ {2}platform:host:\n( {4}.*\n)+/, "")
      .replace(
        / {2}platform:cluster:\n( {4}.*\n)+/,
        "  platform:cluster:\n    source: shared\n    stack: a/platform/b\n",
      );
    writeFileSync(file, text);
    await init(["--domain", "clinic.test"]);
    expect(Object.keys(secrets()).sort()).toEqual([
      "appCookieSecret",
      "appJwtSecret",
      "appSessionSecret",
      "backupEncryptionKey",
      "caPrivateKey",
      "cacheAppPassword",
      "pgbouncerStatsPassword",
      "postgresAppPassword",
      "postgresAppPasswordB",
      "postgresBackupPassword",
      "postgresMaintenancePassword",
      "postgresMigrationPassword",
      "postgresMonitorPassword",
      "postgresPgbouncerPassword",
      "queueAppPassword",
      "redisMetricsPassword",
      "redisProbePassword",
      "signallingVideoPassword",
    ]);
    expect(fake.calls()).not.toContain("ssh-keyscan");
  });

  it("leaves examples alone when asked, for a preview without a host", async () => {
    await init(["--keep-examples", "--generate-ssh-key"]);
    expect(config()["platform:host"]).toEqual(
      (parse(readRepositoryFile("Pulumi.staging.yaml")) as { config: Record<string, unknown> }).config[
        "platform:host"
      ],
    );
    expect(Object.keys(secrets())).toContain("sshPrivateKey");
    expect(output.find((line) => line.includes("public key"))).toMatch(
      /^note {4}public key of the stack: ssh-ed25519 AAAA\S+ hc-stg stack staging$/,
    );
    expect(fake.calls()).not.toContain("ssh-keyscan");
  });
});

describe("stack:init and the host", () => {
  it("asks for everything when a person is there", async () => {
    await init([], {
      "Address of the host": "10.1.2.3",
      "Domain (": "clinic.test",
      "Is it the same?": "yes",
      "SSH: path of a private key": join(fake.directory, "id"),
    });
    expect(config()["platform:host"]).toMatchObject({ address: "10.1.2.3", hostKey });
  });

  it("takes anything but yes for no", async () => {
    const given = { "Address of the host": "10.1.2.3", "Domain (": "clinic.test", "Is it the same?": "y" };
    await expect(init([], given)).rejects.toThrow("host.hostKey: not confirmed; nothing was written");
    unchanged();
  });

  it("refuses another fingerprint than the expected one, and writes nothing", async () => {
    vi.stubEnv("FAKE_HOST_KEY", keyOf("staging"));
    await expect(init(withKey())).rejects.toThrow(
      `host.hostKey: 10.1.2.3 shows ${fingerprint(keyOf("staging"))}, you expect ${fingerprint(hostKey)}; nothing was written.`,
    );
    unchanged();
  });

  it("refuses to trust an unseen key without a person", async () => {
    const args = withKey().filter((arg) => arg !== "--host-key-fingerprint" && !arg.startsWith("SHA256"));
    await expect(init(args)).rejects.toThrow(`then pass --host-key-fingerprint ${fingerprint(hostKey)}`);
    unchanged();
  });

  it("names the host that offers no ed25519 key", async () => {
    vi.stubEnv("FAKE_HOST_KEY", "");
    await expect(init(withKey())).rejects.toThrow(
      "host.address: 10.1.2.3 port 22 offers no ed25519 host key",
    );
    unchanged();
  });

  it("does not exchange a pinned key or a real address", async () => {
    await init(withKey());
    const before = readFileSync(file, "utf8");
    const other = fingerprint(keyOf("staging"));
    await expect(init(["--host-key-fingerprint", other])).rejects.toThrow(
      `host.hostKey: the stack file pins ${fingerprint(hostKey)}, you expect ${other}`,
    );
    await expect(init(["--host", "10.9.9.9"])).rejects.toThrow(
      'host.address: the stack file says "10.1.2.3", you say "10.9.9.9"',
    );
    await expect(init(["--domain", "other.test"])).rejects.toThrow(
      'domain: the stack file says "clinic.test", you say "other.test"',
    );
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  it("installs a new key once by password and proves it", async () => {
    vi.stubEnv("STACK_INIT_PASSWORD", "right password");
    await init([...complete, "--root-password"]);
    expect(secrets()["sshPrivateKey"]).toContain("OPENSSH PRIVATE KEY");
    expect(fake.calls()).toMatch(
      /ssh -F \/dev\/null .*StrictHostKeyChecking=yes .*-l root .*PubkeyAuthentication=no/,
    );
    expect(fake.calls()).toMatch(/\nssh-ed25519 AAAA\S+ hc-stg stack staging\n/);
    expect(fake.calls()).not.toContain("right password");
    expect(readFileSync(file, "utf8")).not.toContain("right password");
  });

  it("writes nothing when the password is wrong or the new key does not open the door", async () => {
    vi.stubEnv("STACK_INIT_PASSWORD", "wrong");
    await expect(init([...complete, "--root-password"])).rejects.toThrow(
      "did not take the new key by password: Permission denied",
    );
    vi.stubEnv("STACK_INIT_PASSWORD", "right password");
    vi.stubEnv("FAKE_LOGIN", "255");
    await expect(init([...complete, "--root-password"])).rejects.toThrow(
      "the new key was added on 10.1.2.3, but does not open it",
    );
    unchanged();
  });

  it("stores the choice of the agent instead of a key", async () => {
    await init([...complete, "--ssh-agent"]);
    expect(config()["platform:host"]).toMatchObject({ sshAuth: "agent" });
    expect(Object.keys(secrets())).not.toContain("sshPrivateKey");
  });

  it("takes the whole key from elsewhere without contacting the host", async () => {
    await init([
      "--host",
      "10.1.2.3",
      "--domain",
      "clinic.test",
      "--host-key",
      keyOf("local"),
      "--ssh-agent",
    ]);
    expect(config()["platform:host"]).toMatchObject({ hostKey: keyOf("local") });
    expect(fake.calls()).not.toContain("ssh-keyscan");
  });
});

describe("stack:init refuses before it writes", () => {
  it.each([
    ["a missing host", [], "domain: still an example; pass --domain"],
    ["a missing way to log in", complete, "sshPrivateKey: missing; pass one of --ssh-key FILE"],
    [
      "a key file that is not there",
      [...complete, "--ssh-key", "/nonexistent"],
      "--ssh-key: /nonexistent does not exist",
    ],
    [
      "a key file that is none",
      [...complete, "--ssh-key", repositoryFile("package.json")],
      "package.json is no private key",
    ],
    ["two ways to log in", [...complete, "--ssh-agent", "--generate-ssh-key"], "choose one"],
    ["an unknown flag", ["--hots", "x"], "Unknown option '--hots'"],
    ["a second stack", ["production"], "STACK: exactly one stack name is needed, seen: staging production"],
    [
      "a bad host",
      ["--host", "10.1.2.300"],
      '--host: "10.1.2.300" is neither an IPv4 address nor a host name',
    ],
    ["a bad domain", ["--domain", "clinic"], '--domain: "clinic" is not a domain name such as example.com'],
    ["a bad user", ["--user", "Root!"], '--user: "Root!" is not a Linux user name'],
    [
      "a bad fingerprint",
      ["--host-key-fingerprint", "MD5:00"],
      '--host-key-fingerprint: "MD5:00" is not of the form',
    ],
    ["a bad key", ["--host-key", "ssh-rsa AAAA"], "--host-key: must be an ed25519 key"],
    [
      "a password without a source",
      [...complete, "--root-password"],
      "--root-password: set STACK_INIT_PASSWORD",
    ],
  ])("%s", async (_what, args, message) => {
    await expect(init(args)).rejects.toThrow(message);
    unchanged();
  });

  it("a missing passphrase", async () => {
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", undefined);
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE_FILE", undefined);
    await expect(init(withKey())).rejects.toThrow("PULUMI_CONFIG_PASSPHRASE_FILE: not set;");
    unchanged();
  });

  it("a stack file that is not there, or is no stack file", async () => {
    writeFileSync(file, "config:\n  platform:domain: x\n");
    await expect(init(withKey())).rejects.toThrow(
      "platform:cluster.source is missing; own or shared decides",
    );
    writeFileSync(file, "config: [");
    await expect(init(withKey())).rejects.toThrow("stack.yaml: is not readable as YAML");
    file = join(fake.directory, "nothing.yaml");
    await expect(init(withKey())).rejects.toThrow(
      "nothing.yaml: not found; copy Pulumi.staging.yaml and adjust it first",
    );
    expect(readdirSync(fake.directory)).not.toContain("nothing.yaml");
  });

  it("passes on what the engine says", async () => {
    vi.stubEnv("FAKE_PULUMI_FAIL", "set-all");
    await expect(init(withKey())).rejects.toThrow("pulumi config set-all: incorrect passphrase");
    expect(readFileSync(file, "utf8")).toBe(readRepositoryFile("Pulumi.staging.yaml"));
  });

  it("prints its usage", async () => {
    await stackInit(["--help"], { print: (line) => output.push(line), prompter: () => answers({}) });
    expect(output.join()).toMatch(/^usage: npm run stack:init -- STACK/);
  });
});
