// Prevents: health paths that mix up database and process, and answers or logs that carry a row by mistake.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { throughCache } from "../dist/cache.js";
import { QueueUnavailable } from "../dist/notifications.js";
import { createApi } from "../dist/server.js";

/** Runs the API on a free port with a database that answers every statement by `query(text, values)`. */
async function withApi(query, use, { cache = throughCache(undefined), queue = { add: async () => undefined, status: async () => "up" } } = {}) {
  const transaction = (_actor, work) => work(({ text, values }) => query(text, values));
  const api = createApi({ database: { query, transaction }, cache, queue }, "1.0.0");
  api.server.listen(0, "127.0.0.1");
  await once(api.server, "listening");
  const call = async (path, options) => {
    const response = await fetch(`http://127.0.0.1:${api.server.address().port}${path}`, options);
    return [response.status, await response.json()];
  };
  try {
    await use(call, api);
  } finally {
    api.server.closeAllConnections();
    api.server.close();
  }
}

const down = async () => {
  throw Object.assign(new Error("secret row"), { code: "ECONNREFUSED" });
};

test("a database outage fails readiness and not liveness", () =>
  withApi(down, async (call) => {
    assert.deepEqual(await call("/health/live"), [200, { status: "ok" }]);
    const [status, body] = await call("/health/api");
    assert.equal(status, 503);
    assert.deepEqual(body.details.database, { status: "down", code: "ECONNREFUSED" });
  }));

test("readiness fails first when the process stops", () =>
  withApi(async () => ({ rows: [] }), async (call, api) => {
    assert.equal((await call("/health/api"))[0], 200);
    api.stopping();
    assert.deepEqual(await call("/health/api"), [503, { status: "stopping", version: "1.0.0" }]);
    assert.equal((await call("/health/live"))[0], 200);
  }));

test("answers end their connections when the process stops, so that the edge sends nothing into one that closes", () =>
  withApi(down, async (_call, api) => {
    const connection = async () => (await fetch(`http://127.0.0.1:${api.server.address().port}/health/live`)).headers.get("connection");
    assert.equal(await connection(), "keep-alive");
    api.stopping();
    assert.equal(await connection(), "close");
  }));

test("an error of the database does not reach the client", () =>
  withApi(down, async (call) => {
    assert.deepEqual(await call("/visits"), [500, { error: "internal error", code: "ECONNREFUSED" }]);
  }));

test("a visit is written for its tenant and returned", () =>
  withApi(async (_text, [tenant, note]) => ({ rows: [{ id: "7", tenant, note, created_at: "now" }] }), async (call) => {
    const [status, visit] = await call("/visits", { method: "POST", body: JSON.stringify({ tenant: "clinic-a", note: "n" }) });
    assert.equal(status, 201);
    assert.deepEqual(visit, { id: 7, tenant: "clinic-a", note: "n", createdAt: "now", processedAt: null });
  }));

for (const body of ["no json", "{}", '{"tenant":"Clinic A"}', '{"tenant":"a","note":7}', "null"]) {
  test(`refuses the body ${body}`, () =>
    withApi(down, async (call) => assert.equal((await call("/visits", { method: "POST", body }))[0], 400)));
}

for (const limit of ["0", "101", "x", "-1"]) {
  test(`refuses the limit ${limit}`, () => withApi(down, async (call) => assert.equal((await call(`/visits?limit=${limit}`))[0], 400)));
}

const working = async () => ({ rows: [{ visits: "3", processed: "1" }] });
const broken = { get: down, set: down, del: down, ping: down };

test("cache and queue that are away do not make the API unready", () =>
  withApi(working, async (call) => {
    const [status, body] = await call("/health/api");
    assert.equal(status, 200);
    assert.deepEqual([body.details.cache, body.details.queue], [{ status: "down" }, { status: "down" }]);
  }, { cache: throughCache(broken), queue: { status: async () => "down" } }));

test("a summary comes from the cache the second time, and from the database when the cache is broken", async () => {
  const stored = new Map();
  const client = { get: async (key) => stored.get(key) ?? null, set: async (key, text) => stored.set(key, text), del: async (key) => stored.delete(key) };
  await withApi(working, async (call) => {
    const summary = { tenant: "a", visits: 3, processed: 1 };
    assert.deepEqual(await call("/visits/summary?tenant=a"), [200, { ...summary, cached: false }]);
    assert.deepEqual(await call("/visits/summary?tenant=a"), [200, { ...summary, cached: true }]);
  }, { cache: throughCache(client) });
  await withApi(working, async (call) => assert.equal((await call("/visits/summary?tenant=a"))[1].cached, false), { cache: throughCache(broken) });
});

test("a visit makes the summary of its tenant new", async () => {
  const dropped = [];
  const row = async () => ({ rows: [{ id: "7", tenant: "a", note: "", created_at: "now" }] });
  await withApi(row, async (call) => {
    assert.equal((await call("/visits", { method: "POST", body: '{"tenant":"a"}' }))[0], 201);
  }, { cache: { drop: async (key) => dropped.push(key) } });
  assert.deepEqual(dropped, ["summary:a"]);
});

test("a notification is accepted only when the queue has it", async () => {
  const queued = [];
  const post = (call, body) => call("/notifications", { method: "POST", body: JSON.stringify(body) });
  await withApi(working, async (call) => {
    const [status, { id }] = await post(call, { tenant: "a" });
    assert.equal(status, 202);
    assert.deepEqual(queued, [id]);
    assert.equal((await post(call, { tenant: "a", id: "7" }))[0], 400);
  }, { queue: { add: async (id) => queued.push(id) } });
  const away = async () => {
    throw new QueueUnavailable("away");
  };
  await withApi(working, async (call) => assert.equal((await post(call, { tenant: "a" }))[0], 503), { queue: { add: away } });
});
