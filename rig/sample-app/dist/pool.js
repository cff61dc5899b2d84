// The only user of the pg driver's pool.
import pg from "pg";
import { inTransaction } from "./database.js";
import { errorCode, log } from "./log.js";

/**
 * Opens the database with the options of settings.js.
 * @returns `query(text)`: one statement, one try; `transaction(actor, work)`: see database.js; `end()`
 */
export function openDatabase(options) {
  const pool = new pg.Pool(options);
  // An idle connection that breaks is replaced at the next use; without a listener it would end the process.
  pool.on("error", (error) => log("info", "database-connection-lost", { code: errorCode(error) }));
  return {
    query: (text) => pool.query(text),
    transaction: (actor, work) => inTransaction(pool, actor, work),
    end: () => pool.end(),
  };
}
