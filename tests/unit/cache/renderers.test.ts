import { describe, expect, it } from "vitest";
import { clientCommands, passwordHash, renderAcl } from "../../../components/cache/acl.ts";
import {
  dragonflyFlags,
  dragonflyMaxMemoryMiB,
  dragonflyMemoryProblem,
  fittingThreads,
} from "../../../components/cache/dragonflyFlags.ts";
import { dragonflyUsers } from "../../../components/cache/dragonflyUsers.ts";
import { cacheKeyPrefix, queueKeyPrefix, redisLayout } from "../../../components/cache/layout.ts";
import { renderRedisConf } from "../../../components/cache/redisConf.ts";
import { profiles, type Profile } from "../../../stacks/profiles.ts";

/** Text that the servers read. That Redis 8 and Valkey 9 accept it was tried with both; end-to-end runs one of them. */

describe("passwordHash", () => {
  it("of a password that a targeted run has not made is the hash of none", () => {
    expect(passwordHash(undefined)).toBe("0".repeat(64));
  });
});

describe("renderAcl", () => {
  const app = {
    name: "app",
    passwordHash: passwordHash("secret"),
    keys: ["hc:queue:*"],
    channels: ["*"],
    commands: clientCommands,
  };

  it("holds hashes, and switches the unnamed user off", () => {
    expect(renderAcl([app, { ...app, name: "probe", keys: [], channels: [], commands: ["+ping"] }])).toBe(
      [
        "user default off resetchannels -@all +auth +hello",
        "user app on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~hc:queue:* resetchannels &* -@all +@all -@dangerous +info",
        "user probe on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b resetchannels -@all +ping",
        "",
      ].join("\n"),
    );
  });

  it("writes lines that Dragonfly reads: at least four words, and a default user who may log in", () => {
    const lines = renderAcl(dragonflyUsers("hc:cache:", { app: "a", cleanup: "b", keeper: "c" }))
      .trim()
      .split("\n");
    expect(lines.every((line) => line.split(" ").length >= 4)).toBe(true);
    expect(lines[0]).toMatch(/^user default off .*\+auth \+hello$/);
    expect(lines.map((line) => line.split(" ")[1])).toEqual(["default", "app", "cleanup", "keeper"]);
    // Subcommands are rules of Redis; one that Dragonfly does not know makes it ignore the whole file.
    expect(lines.join("\n")).not.toMatch(/[+-][a-z]+\|/);
  });

  it("gives the clean-up nothing but its own keys and four commands", () => {
    const users = dragonflyUsers("hc:cache:", { app: "a", cleanup: "b", keeper: "c" });
    expect(users.find((user) => user.name === "cleanup")).toMatchObject({
      keys: ["hc:cache:*"],
      commands: ["+ping", "+scan", "+unlink", "+echo"],
    });
  });
});

describe("key prefixes", () => {
  it("keep cache and queue apart, and environments", () => {
    expect([cacheKeyPrefix("hc-prod"), queueKeyPrefix("hc-prod")]).toEqual([
      "hc-prod:cache:",
      "hc-prod:queue",
    ]);
  });
});

describe("redis.conf", () => {
  const lines = renderRedisConf({ layout: redisLayout, maxMemoryMiB: 96 }).split("\n");

  it.each([
    ["no plaintext port", "port 0"],
    ["TLS", "tls-port 6379"],
    ["no client certificates, but passwords", "tls-auth-clients no"],
    ["TLS 1.2 at least", 'tls-protocols "TLSv1.2 TLSv1.3"'],
    ["AES-GCM only", "tls-ciphers ECDHE+AESGCM"],
    ["users from the Secret", "aclfile /etc/platform/redis-acl/users.acl"],
    ["every write in a file", "appendonly yes"],
    ["within a second", "appendfsync everysec"],
    ["a bound", "maxmemory 96mb"],
    ["no job evicted", "maxmemory-policy noeviction"],
    ["no payload in crash reports", "crash-log-enabled no"],
    ["no payload in the slow log", "slowlog-log-slower-than -1"],
    ["no payload in the log", "hide-user-data-from-log yes"],
    ["no second copy on disk", 'save ""'],
  ])("has %s", (_what, line) => {
    expect(lines).toContain(line);
  });

  it("sets nothing twice, and no password", () => {
    const names = lines.filter((line) => line !== "").map((line) => line.split(" ")[0]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(lines.join("\n")).not.toMatch(/requirepass|masterauth|user /);
  });
});

describe("Dragonfly's memory", () => {
  it.each([
    [512, 365, 1],
    [768, 548, 2],
    [3072, 2194, 2],
    [360, 257, 1],
  ])("of %i MiB holds %i MiB of data in %i thread(s)", (limitMiB, data, threads) => {
    expect([dragonflyMaxMemoryMiB(limitMiB), fittingThreads(limitMiB)]).toEqual([data, threads]);
    expect(limitMiB / data).toBeGreaterThanOrEqual(1.3);
    expect(limitMiB / data).toBeLessThanOrEqual(1.5);
    expect(dragonflyMemoryProblem({ limitMiB, threads })).toBeUndefined();
  });

  it("below 256 MiB for each thread is refused, with the remedy", () => {
    expect(dragonflyMemoryProblem({ limitMiB: 320, threads: 1 })).toBe(
      "dragonfly: a memory limit of 320 MiB leaves 228 MiB of data, and 1 thread(s) need 256; raise the limit to 359 MiB or run fewer threads",
    );
    expect(dragonflyMemoryProblem({ limitMiB: 512, threads: 2 })).toMatch(
      /need 512; raise the limit to 717 MiB/,
    );
  });

  it.each(Object.entries(profiles))("is enough in the profile %s", (_name, profile: Profile) => {
    const { memoryMiB, memoryLimitMiB: limitMiB = memoryMiB } = profile.dragonfly.size;
    expect(dragonflyMemoryProblem({ limitMiB, threads: fittingThreads(limitMiB) })).toBeUndefined();
  });
});

describe("Dragonfly's flags", () => {
  const flags = dragonflyFlags({ limitMiB: 768, threads: 2 });

  it("are exactly these", () => {
    expect(flags).toEqual([
      "--logtostderr",
      "--port=6379",
      "--proactor_threads=2",
      "--maxmemory=548mb",
      "--cache_mode=true",
      "--dir=/data",
      "--dbfilename=",
      "--force_epoll",
      "--version_check=false",
      "--tls",
      "--tls_cert_file=/etc/platform/dragonfly-tls/tls.crt",
      "--tls_key_file=/etc/platform/dragonfly-tls/tls.key",
      "--aclfile=/etc/platform/dragonfly-acl/users.acl",
      "--primary_port_http_enabled=false",
      "--admin_port=9999",
      "--no_tls_on_admin_port",
    ]);
  });

  it("leave no port without a password, and ask clients for no certificate", () => {
    expect(flags.join(" ")).not.toMatch(/admin_nopass|requirepass|tls_ca_cert/);
  });
});
