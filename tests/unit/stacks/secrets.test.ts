import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createCertificateAuthority } from "../../../scripts/lib/ca.ts";
import { ConfigError, parseConfig } from "../../../stacks/config.ts";
import { secretKeys } from "../../../stacks/config/secrets.ts";
import { exampleConfig, fakeSecrets } from "./examples.ts";

const directory = mkdtempSync(join(tmpdir(), "secrets-test-"));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const problemsOf = (
  changes: Readonly<Record<string, unknown>>,
  clear: readonly string[] = [],
): readonly string[] => {
  const raw = exampleConfig("staging", changes);
  const secret = [...raw.secretKeys].filter((key) => !clear.includes(key));
  try {
    parseConfig({ ...raw, secretKeys: new Set(secret) });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

const smtp = {
  kind: "smtp",
  host: "mail.example.com",
  from: "platform@example.com",
  to: "ops@example.com",
  username: "platform",
};

/** What makes a stack like staging need the secret, and the secret. */
const using = (key: string): Readonly<Record<string, unknown>> => {
  const value = fakeSecrets[key];
  switch (key) {
    case "postgresReaderPasswords":
      return { "data.postgres.readers": ["jane_doe"], [key]: value };
    case "alertSmtpPassword":
      return { "monitoring.receiver": smtp, alertWebhookUrl: undefined, [key]: value };
    default:
      return {};
  }
};

const sshKey = (passphrase: string): string => {
  const file = join(directory, `key-${String(passphrase.length)}`);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-f", file]);
  return readFileSync(file, "utf8");
};

describe("secrets", () => {
  it.each(secretKeys)("%s in clear is refused and its value is not shown", (key) => {
    const problems = problemsOf(using(key), [`platform:${key}`]);
    expect(problems).toEqual([
      `${key}: stands in clear in the stack file; make a new value and store it with: pulumi config set --secret platform:${key}`,
    ]);
    expect(problems.join()).not.toContain(fakeSecrets[key]?.slice(0, 12));
  });

  it("are all reported when missing, each with what makes it", () => {
    const none = Object.fromEntries(secretKeys.map((key) => [key, undefined]));
    const issued = ["backupAccessKeyId", "backupSecretAccessKey", "deadMansSwitchUrl", "registryPassword"];
    const changes = { ...none, "data.postgres.readers": ["jane_doe"], "monitoring.receiver": smtp };
    expect(problemsOf(changes)).toEqual(
      secretKeys
        .filter((key) => key !== "alertWebhookUrl")
        .map((key) =>
          [...issued, "alertSmtpPassword"].includes(key)
            ? `${key}: missing; pulumi config set --secret platform:${key}`
            : `${key}: missing; npm run stack:init -- staging makes it`,
        ),
    );
  });

  it("must be long enough: passwords 16, signing secrets 32", () => {
    expect(problemsOf({ postgresAppPassword: "fifteen-chars-x", appCookieSecret: "x".repeat(31) })).toEqual([
      "postgresAppPassword: has 15 characters, at least 16 are needed; openssl rand -hex 32 makes one",
      "appCookieSecret: has 31 characters, at least 32 are needed; openssl rand -hex 32 makes one",
    ]);
    expect(problemsOf({ postgresAppPassword: "sixteen-chars-xx", appCookieSecret: "x".repeat(32) })).toEqual(
      [],
    );
  });

  it("must all be different", () => {
    expect(problemsOf({ appSessionSecret: fakeSecrets["appJwtSecret"] })).toEqual([
      "appSessionSecret: is the same as appJwtSecret; every secret needs a value of its own",
    ]);
  });

  it("must be safe in a URL, except what others issue", () => {
    expect(
      problemsOf({ postgresAppPassword: "p@ss/word-0123456789", registryPassword: "p@ss/word-9876543210" }),
    ).toEqual([
      "postgresAppPassword: holds characters that are not safe in a URL; only letters, digits and . _ ~ - are accepted",
    ]);
  });

  it("of a backup: the key is exactly 64 hex, what the store issues comes whole", () => {
    expect(
      problemsOf({ backupEncryptionKey: "fa4e".repeat(17), backupSecretAccessKey: "cut\nin-two-0123456789" }),
    ).toEqual([
      "backupEncryptionKey: has to be exactly 64 characters of 0-9 and a-f (it has 68 characters); openssl rand -hex 32 makes one",
      "backupSecretAccessKey: starts or ends with a blank, or holds a line break or a character outside of ASCII; set the whole of what was issued",
    ]);
    expect(problemsOf({ backupEncryptionKey: "FA4E".repeat(16) })).toEqual([
      "backupEncryptionKey: has to be exactly 64 characters of 0-9 and a-f (it has 64 characters); openssl rand -hex 32 makes one",
    ]);
  });

  it("of the alerts are https URLs", () => {
    const token = "token-0123456789";
    for (const url of [`http://alerts.example.com/${token}`, token, `https://alerts.example.com/ ${token}`]) {
      expect(problemsOf({ alertWebhookUrl: url })).toEqual([
        "alertWebhookUrl: is not an https:// URL without blanks",
      ]);
    }
  });

  it("of readers: one for each name, and for nobody else", () => {
    const readers = { "data.postgres.readers": ["jane_doe", "john_roe"] };
    expect(problemsOf({ ...readers, postgresReaderPasswords: '{"jane_doe":"short","mallory":"x"}' })).toEqual(
      [
        'postgresReaderPasswords: holds no password for "john_roe"; npm run stack:init -- staging adds it',
        'postgresReaderPasswords: holds a password for "mallory", who is not in data.postgres.readers; npm run stack:init -- staging removes it',
        "postgresReaderPasswords.jane_doe: has 5 characters, at least 16 are needed; openssl rand -hex 32 makes one",
      ],
    );
    for (const text of ["not json", '["a"]', '{"jane_doe":1}']) {
      expect(problemsOf({ ...readers, postgresReaderPasswords: text })).toEqual([
        'postgresReaderPasswords: is not a JSON object of texts such as {"name":"password"}',
      ]);
    }
  });

  it("are refused where nothing uses them", () => {
    const { postgresReaderPasswords, alertSmtpPassword } = fakeSecrets;
    expect(
      problemsOf({
        handlesPhi: false,
        "monitoring.deadMansSwitch": false,
        postgresReaderPasswords,
        alertSmtpPassword,
      }),
    ).toEqual([
      "postgresReaderPasswords: is set, but only used with data.postgres.readers; remove it: pulumi config rm platform:postgresReaderPasswords",
      "alertSmtpPassword: is set, but only used with monitoring.receiver smtp; remove it: pulumi config rm platform:alertSmtpPassword",
      "deadMansSwitchUrl: is set, but only used with monitoring.deadMansSwitch; remove it: pulumi config rm platform:deadMansSwitchUrl",
    ]);
  });

  it("keep a plain setting out of encryption", () => {
    const raw = exampleConfig("staging");
    const problems = (): readonly string[] => {
      try {
        parseConfig({ ...raw, secretKeys: new Set([...raw.secretKeys, "platform:domain"]) });
      } catch (error) {
        if (error instanceof ConfigError) return error.problems;
      }
      return [];
    };
    expect(problems()).toEqual([
      `domain: is encrypted in the stack file, but it is no secret and shows in previews; set it again without --secret (secrets: ${secretKeys.join(", ")})`,
    ]);
  });

  it("need an SSH key without passphrase", () => {
    expect(problemsOf({ sshPrivateKey: sshKey("") })).toEqual([]);
    expect(problemsOf({ sshPrivateKey: sshKey("a-passphrase") })).toEqual([
      "sshPrivateKey: is locked with a passphrase, which nobody can type during a run; take a key without one",
    ]);
    expect(problemsOf({ sshPrivateKey: "no key at all, but long enough" })).toEqual([
      "sshPrivateKey: is not a complete PEM private key",
    ]);
  });

  it("use no SSH key with the agent", () => {
    expect(problemsOf({ "host.sshAuth": "agent" })).toEqual([
      "sshPrivateKey: is set, but only used with host.sshAuth key; remove it: pulumi config rm platform:sshPrivateKey",
    ]);
    expect(problemsOf({ "host.sshAuth": "agent", sshPrivateKey: undefined })).toEqual([]);
  });

  it("hold the CA key that belongs to the certificate", async () => {
    const other = await createCertificateAuthority("other", new Date("2026-01-01T00:00:00Z"));
    expect(problemsOf({ caPrivateKey: other.privateKey })).toEqual([
      "caPrivateKey: does not belong to caCertificate",
    ]);
    expect(problemsOf({ caPrivateKey: other.privateKey, caCertificate: other.certificate })).toEqual([]);
  });

  it("refuse a certificate that is no CA, or none at all", () => {
    const [key, leaf] = [join(directory, "leaf.key"), join(directory, "leaf.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key];
    const options = ["-subj", "/CN=leaf", "-addext", "basicConstraints=critical,CA:FALSE", "-out", leaf];
    execFileSync("openssl", ["req", "-x509", ...curve, ...options], { stdio: "ignore" });
    const changes = { caCertificate: readFileSync(leaf, "utf8"), caPrivateKey: readFileSync(key, "utf8") };
    expect(problemsOf(changes)).toEqual([
      "caCertificate: is not the certificate of a CA (basicConstraints CA:TRUE is missing)",
    ]);
    expect(
      problemsOf({ caCertificate: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }),
    ).toEqual(["caCertificate: is not a readable X.509 certificate; stack:init makes one"]);
  });
});
