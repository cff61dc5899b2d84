// Starts the worker, or with --healthcheck asks the running one how it is (exit status 0: well).
// The two talk over an abstract socket: no port, no file, nothing outside the pod can reach it.
import { connect, createServer } from "node:net";
import { errorCode, log, refuse } from "./log.js";
import { openNotifier } from "./notifications.js";
import { openDatabase } from "./pool.js";
import { readSettings } from "./settings.js";
import { processVisits } from "./visits.js";

const SOCKET = "\0sample-app-worker";
const ROUND_MS = 1000;
// A worker is well while a round began in this time; a database that is away does not make it unwell.
const SILENCE_MS = 30_000;

if (process.argv.includes("--healthcheck")) askHealth();
else start();

function askHealth() {
  const socket = connect(SOCKET);
  socket.setTimeout(5000, () => socket.destroy(new Error("no answer in 5 s")));
  socket.on("error", (error) => {
    log("error", "unhealthy", { code: errorCode(error) });
    process.exitCode = 1;
  });
  socket.on("data", (answer) => {
    process.exitCode = answer.toString("utf8") === "ok" ? 0 : 1;
    socket.destroy();
  });
}

function start() {
  const { settings, problems } = readSettings(process.env, "worker");
  if (problems.length > 0) refuse(problems);
  const database = openDatabase(settings.database);
  const notifier = openNotifier(settings.queue, database);
  const state = { stopping: false, round: performance.now() };
  const health = createServer((socket) => socket.end(performance.now() - state.round < SILENCE_MS ? "ok" : "stuck"));
  health.listen(SOCKET);
  log("info", "working", { version: settings.version });
  const wake = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.once(signal, () => {
      log("info", "stopping", { signal });
      state.stopping = true;
      wake.abort(); // a pause ends at once, a round that runs is finished
    });
  }
  void work(database, state, wake.signal).then(async () => {
    health.close();
    await notifier.end();
    await database.end();
    log("info", "stopped");
  });
}

async function work(database, state, signal) {
  const { setTimeout: pause } = await import("node:timers/promises");
  while (!state.stopping) {
    state.round = performance.now();
    try {
      const count = await processVisits(database);
      if (count > 0) log("info", "processed", { count });
    } catch (error) {
      log("error", "round-failed", { code: errorCode(error) });
    }
    await pause(ROUND_MS, undefined, { signal }).catch(() => undefined);
  }
}
