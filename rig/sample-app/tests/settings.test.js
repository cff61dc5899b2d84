// Prevents: an app that starts with weak, missing or half-filled settings, or that does not verify its database.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readMigrationSettings, readSettings } from "../dist/settings.js";

const CA = fileURLToPath(new URL("../package.json", import.meta.url)); // any readable file
const url = (parameters = `sslmode=verify-full&sslrootcert=${CA}`, host = "db.test:6432") => `postgresql://app:p%40ss@${host}/userdb?${parameters}`;
const good = {
  DATABASE_URL: url(),
  JWT_SECRET: "j".repeat(32),
  SESSION_SECRET: "s".repeat(32),
  COOKIE_SECRET: "c".repeat(32),
};

const queue = { REDIS_HOST: "queue.test", REDIS_PORT: "6379", REDIS_USERNAME: "app", REDIS_PASSWORD: "p", REDIS_PREFIX: "hc:queue", REDIS_TLS_CA_FILE: CA };

test("cache and queue are off without their settings", () => {
  const { settings } = readSettings(good, "api");
  assert.equal(settings.cache, undefined);
  assert.equal(settings.queue, undefined);
  assert.deepEqual({ ...readSettings({ ...good, ...queue }, "api").settings.queue, ca: "" }, {
    host: "queue.test", port: 6379, username: "app", password: "p", keyPrefix: "hc:queue", ca: "",
  });
});

test("complete settings verify the chain and the name", () => {
  const { settings, problems } = readSettings(good, "api");
  assert.deepEqual(problems, []);
  assert.equal(settings.database.ssl.rejectUnauthorized, true);
  assert.equal(settings.database.host, "db.test");
  assert.equal(settings.database.password, "p@ss");
  assert.equal(settings.port, 8088);
});

const REFUSED = [
  ["a short secret", { JWT_SECRET: "j".repeat(31) }, /^JWT_SECRET has 31 characters/],
  ["two equal secrets", { COOKIE_SECRET: good.JWT_SECRET }, /^COOKIE_SECRET is the same as JWT_SECRET/],
  ["no database", { DATABASE_URL: undefined }, /^DATABASE_URL is missing/],
  ["TLS without a check of the name", { DATABASE_URL: url(`sslmode=verify-ca&sslrootcert=${CA}`) }, /sslmode 'verify-ca'/],
  ["a missing CA file", { DATABASE_URL: url("sslmode=verify-full&sslrootcert=/none") }, /CA file '\/none'.*ENOENT/],
  ["an address in place of a name", { DATABASE_URL: url(undefined, "10.0.0.1") }, /address 10\.0\.0\.1/],
  ["an unknown parameter", { DATABASE_URL: `${url()}&sslnegotiation=direct` }, /unknown parameters sslnegotiation/],
  ["a half-filled group", { OPENVIDU_URL: "https://video.test" }, /^OPENVIDU_SECRET is missing/],
  ["a service link", { ...queue, REDIS_PORT: "tcp://10.0.0.1:6379" }, /^REDIS_PORT.*enableServiceLinks/],
  ["a queue without a user", { ...queue, REDIS_USERNAME: undefined }, /^REDIS_USERNAME is missing/],
  ["a queue without a CA", { ...queue, REDIS_TLS_CA_FILE: "/none" }, /^REDIS_TLS_CA_FILE names the CA file '\/none'/],
  ["a queue at an address", { ...queue, REDIS_HOST: "10.0.0.1" }, /^REDIS_HOST has the address/],
  ["the other mode", { APP_MODE: "worker" }, /^APP_MODE is 'worker'/],
];

for (const [what, change, expected] of REFUSED) {
  test(`refuses ${what}`, () => {
    const { settings, problems } = readSettings({ ...good, ...change }, "api");
    assert.equal(settings, undefined);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0], expected);
  });
}

test("problems come all at once and show no secret", () => {
  const { problems } = readSettings({ ...good, JWT_SECRET: "hunter2", DATABASE_URL: url("sslmode=disable") }, "api");
  assert.equal(problems.length, 3);
  assert.doesNotMatch(problems.join("\n"), /hunter2|p%40ss|p@ss/);
});

test("the migration needs its own database and nothing else", () => {
  assert.deepEqual(readMigrationSettings({ MIGRATION_DATABASE_URL: url() }).problems, []);
  assert.match(readMigrationSettings(good).problems[0], /^MIGRATION_DATABASE_URL is missing/);
});
