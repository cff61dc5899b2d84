// Starts the API. On SIGTERM readiness fails first, then open requests finish, then the process ends.
import { openCache } from "./cache.js";
import { log, refuse } from "./log.js";
import { openQueue } from "./notifications.js";
import { openDatabase } from "./pool.js";
import { createApi } from "./server.js";
import { readSettings } from "./settings.js";

const { settings, problems } = readSettings(process.env, "api");
if (problems.length > 0) refuse(problems);

const database = openDatabase(settings.database);
const cache = openCache(settings.cache);
const queue = openQueue(settings.queue);
const { server, stopping } = createApi({ database, cache, queue }, settings.version);
server.listen(settings.port, () => log("info", "listening", { port: server.address().port, version: settings.version }));

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    log("info", "stopping", { signal });
    stopping();
    // The endpoint controller needs a moment to send new requests elsewhere.
    setTimeout(() => server.close(() => void end()), settings.drainMs);
  });
}

async function end() {
  cache.end();
  await queue.end();
  await database.end();
  log("info", "stopped");
}
