// The database as the application sees it: short transactions that begin again when a connection is replaced.
// A pooler that restarts closes connections between two transactions, a server that restarts also within one.
import { setTimeout as pause } from "node:timers/promises";
import { errorCode, log } from "./log.js";

/** How long one request tries, and the pause between two tries, in milliseconds. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 100;

// SQLSTATEs after which the same transaction may succeed: connection lost, server going down or coming up, too many
// connections, and the two that PostgreSQL itself asks to try again.
const AGAIN = /^(08...|57P0[123]|53300|40001|40P01)$/;
const SQLSTATE = /^[0-9A-Z]{5}$/;
const BROKEN = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN"]);
// The driver gives these no code.
const BROKEN_TEXT = /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error)/;

/** Nobody knows whether the transaction took effect: the connection broke after COMMIT was sent. */
export class OutcomeUnknown extends Error {
  code = "OUTCOME_UNKNOWN";
}

const isBroken = (error) => BROKEN.has(error.code) || BROKEN_TEXT.test(error.message);

/** True when the error is of the connection or the moment, not of the statements. */
export const isTransient = (error) => AGAIN.test(error.code ?? "") || isBroken(error);

/**
 * Runs `work(query)` in one transaction as `actor` and returns its result. Begins again after a transient error,
 * because nothing has happened before COMMIT; so `work` must do nothing but query.
 * @param {{ connect: () => Promise<object> }} pool of the pg driver
 * @param {string} actor who acts, for the audit: the pooler shares one database role among all
 * @throws {OutcomeUnknown} never tried again: the caller has to look
 */
export async function inTransaction(pool, actor, work, patienceMs = PATIENCE_MS) {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return await attempt(pool, actor, work);
    } catch (error) {
      if (!isTransient(error) || performance.now() > deadline) throw error;
      log("info", "transaction-again", { code: errorCode(error) });
      await pause(PAUSE_MS);
    }
  }
}

async function attempt(pool, actor, work) {
  const client = await pool.connect();
  // A connection can break while nobody waits for an answer; without a listener that would end the process.
  const ignore = () => undefined;
  client.on("error", ignore);
  let unusable;
  try {
    await client.query("BEGIN");
    await client.query({ name: "actor", text: "SELECT set_config('app.actor', $1, true)", values: [actor] });
    const result = await work((query) => client.query(query));
    await commit(client);
    return result;
  } catch (error) {
    unusable = isTransient(error) || error instanceof OutcomeUnknown ? error : await rollBack(client);
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(unusable); // with an error the pool closes the connection
  }
}

async function commit(client) {
  try {
    await client.query("COMMIT");
  } catch (error) {
    // An answer of the database is a refusal, and nothing was written; silence is not.
    const refused = SQLSTATE.test(error.code ?? "") && !/^(08|57)/.test(error.code);
    throw refused ? error : new OutcomeUnknown("the connection broke during COMMIT", { cause: error });
  }
}

/** Undefined when the connection may be used again. */
async function rollBack(client) {
  try {
    await client.query("ROLLBACK");
    return undefined;
  } catch (lost) {
    return lost;
  }
}
