// Starts the API. On SIGTERM readiness fails first, then open requests finish, then the process ends.
import pg from "pg";
import { errorCode, log, refuse } from "./log.js";
import { createApi } from "./server.js";
import { readSettings } from "./settings.js";

const { settings, problems } = readSettings(process.env, "api");
if (problems.length > 0) refuse(problems);

const pool = new pg.Pool(settings.database);
// An idle connection that breaks is replaced at the next query; without a listener it would end the process.
pool.on("error", (error) => log("error", "database-connection-lost", { code: errorCode(error) }));

const { server, stopping } = createApi(pool, settings.version);
server.listen(settings.port, () => log("info", "listening", { port: server.address().port, version: settings.version }));

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    log("info", "stopping", { signal });
    stopping();
    // The endpoint controller needs a moment to send new requests elsewhere.
    setTimeout(() => server.close(() => void pool.end().then(() => log("info", "stopped"))), settings.drainMs);
  });
}
