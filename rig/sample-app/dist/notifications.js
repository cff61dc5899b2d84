// Notifications: the API writes a promise and puts a job into the queue `notifications`, the worker does it. Both
// leave a row, so that a lost job and one that ran twice can be counted. BullMQ promises that a job runs at least once.
import { randomUUID } from "node:crypto";
import { Queue, Worker } from "bullmq";
import { errorCode, log } from "./log.js";
import { redisOptions } from "./redis.js";
import { BadRequest, checkTenant } from "./visits.js";

const NAME = "notifications";
const CONCURRENCY = 5;
// A worker that died loses its job's lock after this time; then another one takes the job.
const LOCK_MS = 10_000;
const STALLED_MS = 5000;
// A queue that restarts often makes jobs stall often; none of them is to be given up for that.
const MAXIMUM_STALLED = 50;

const ADD_MS = 5000;
const STATUS_MS = 1000;
const JOB = (id) => ({ jobId: id, attempts: 10, backoff: { type: "fixed", delay: 1000 }, removeOnComplete: 1000, removeOnFail: 1000 });

/** The queue did not take the job; nothing was promised. */
export class QueueUnavailable extends Error {
  code = "QUEUE_UNAVAILABLE";
}

/** The API's side. @returns {{ add: (id: string) => Promise<void>, status: () => Promise<string>, end: () => Promise<void> }} */
export function openQueue(access) {
  if (access === undefined) {
    const off = async () => {
      throw new QueueUnavailable("no queue is configured");
    };
    return { add: off, status: async () => "off", end: async () => undefined };
  }
  // A request does not wait for a queue that is away.
  const connection = redisOptions(access, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  const queue = new Queue(NAME, { connection, prefix: access.keyPrefix });
  listenFor(queue, "queue-lost");
  return {
    async add(id) {
      try {
        // The same id twice is one job: an answer that got lost may be asked for again.
        await within(ADD_MS, queue.add("notify", { id }, JOB(id)));
      } catch (error) {
        throw new QueueUnavailable("the queue did not answer", { cause: error });
      }
    },
    async status() {
      try {
        await within(STATUS_MS, queue.getJobCountByTypes("waiting"));
        return "up";
      } catch {
        return "down";
      }
    },
    end: () => queue.close().catch(() => undefined),
  };
}

/** Writes the promise and queues the job. `body`: { tenant, id? }; the same id again is the same notification. */
export async function requestNotification(database, queue, body) {
  const { tenant, id = randomUUID() } = body ?? {};
  checkTenant(tenant);
  if (typeof id !== "string" || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw new BadRequest("id: want a UUID");
  await database.transaction(tenant, (query) =>
    query({ name: "request-notification", text: "INSERT INTO notifications (id, tenant) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING", values: [id, tenant] }),
  );
  await queue.add(id);
  return { id };
}

/** The worker's side. Ends with its job done. */
export function openNotifier(access, database) {
  if (access === undefined) return { end: async () => undefined };
  const connection = redisOptions(access, { maxRetriesPerRequest: null });
  const worker = new Worker(NAME, (job) => notify(database, job), {
    connection,
    prefix: access.keyPrefix,
    concurrency: CONCURRENCY,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_MS,
    maxStalledCount: MAXIMUM_STALLED,
  });
  listenFor(worker, "queue-lost");
  worker.on("failed", (_job, error) => log("error", "job-failed", { code: errorCode(error) }));
  worker.on("stalled", () => log("info", "job-stalled"));
  return { end: () => worker.close().catch(() => undefined) };
}

async function notify(database, job) {
  await database.transaction("worker", (query) =>
    query({ name: "run-notification", text: "INSERT INTO notification_runs (notification, attempt) VALUES ($1, $2)", values: [job.data.id, job.attemptsMade] }),
  );
}

/** `promise`, or an error after `ms`: a client that never had a connection waits for it without an end. */
async function within(ms, promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`no answer in ${ms} ms`)), ms);
  });
  promise.catch(() => undefined); // it may fail after nobody waits any more
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Says once in ten seconds that the connection is broken; each of its tries would be a line. */
function listenFor(emitter, event) {
  let last = -Infinity;
  emitter.on("error", (error) => {
    if (performance.now() - last < 10_000) return;
    last = performance.now();
    log("info", event, { code: errorCode(error) });
  });
}
