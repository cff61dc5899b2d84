// HTTP face of the API. State: whether it is stopping; then readiness fails while requests are still served.
import { createServer } from "node:http";
import { errorCode, log } from "./log.js";
import { QueueUnavailable, requestNotification } from "./notifications.js";
import { BadRequest, createVisit, listVisits, summarize } from "./visits.js";

const BODY_BYTES = 10_000;

/** Routes by method and path; the path as written here is what logs name. */
const ROUTES = {
  "GET /health/live": async () => [200, { status: "ok" }],
  "GET /health/api": health,
  "POST /visits": async ({ database, cache, request }) => [201, await createVisit(database, cache, await readBody(request))],
  "GET /visits": async ({ database, url }) => [200, { visits: await listVisits(database, url.searchParams) }],
  "GET /visits/summary": async ({ database, cache, url }) => [200, await summarize(database, cache, url.searchParams)],
  "POST /notifications": async ({ database, queue, request }) => [202, await requestNotification(database, queue, await readBody(request))],
};

/**
 * An HTTP server, not yet listening, and `stopping()`, after which GET /health/api answers 503 and each answer ends its connection.
 * @param {{ query: (text: string) => Promise<object>, transaction: (actor: string, work: Function) => Promise<object> }} database
 * @param {{ read: Function, drop: Function, status: () => Promise<string> }} cache
 * @param {{ add: (id: string) => Promise<void>, status: () => Promise<string> }} queue
 */
export function createApi({ database, cache, queue }, version) {
  const state = { stopping: false };
  const server = createServer((request, response) => {
    void answer({ database, cache, queue, version, state, request, url: new URL(request.url, "http://api") }, response);
  });
  return { server, stopping: () => (state.stopping = true) };
}

async function answer(context, response) {
  const { request, url } = context;
  const started = performance.now();
  const route = `${request.method} ${url.pathname}`;
  const [status, body] = await (Object.hasOwn(ROUTES, route) ? run(ROUTES[route], context) : [404, { error: "not found" }]);
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", "content-length": Buffer.byteLength(text), ...(context.state.stopping ? { connection: "close" } : {}) });
  response.end(text);
  const ms = Math.round(performance.now() - started);
  log(status < 500 ? "info" : "error", "request", { route: Object.hasOwn(ROUTES, route) ? route : "other", status, ms });
}

async function run(handler, context) {
  try {
    return await handler(context);
  } catch (error) {
    if (error instanceof BadRequest) return [400, { error: error.message }];
    if (error instanceof QueueUnavailable) return [503, { error: "the queue is away, try again", code: error.code }];
    log("error", "failed", { code: errorCode(error) });
    return [500, { error: "internal error", code: errorCode(error) }];
  }
}

/** Ready means the database answers. Cache and queue are told and do not decide: without them the API still serves. */
async function health({ database, cache, queue, version, state }) {
  if (state.stopping) return [503, { status: "stopping", version }];
  const started = performance.now();
  try {
    await database.query("SELECT 1");
    const ms = Math.round(performance.now() - started);
    const others = { cache: { status: await cache.status() }, queue: { status: await queue.status() } };
    return [200, { status: "ok", version, details: { database: { status: "up", ms }, ...others } }];
  } catch (error) {
    return [503, { status: "error", version, details: { database: { status: "down", code: errorCode(error) } } }];
  }
}

async function readBody(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > BODY_BYTES) throw new BadRequest(`body: want at most ${BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new BadRequest("body: want JSON");
  }
}
