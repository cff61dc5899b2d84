// Prevents: a request that fails because a pooler was replaced, a write that happens twice, a process that ends with its connection.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { inTransaction, isTransient, OutcomeUnknown } from "../dist/database.js";

const error = (code, message = "x") => Object.assign(new Error(message), code === undefined ? {} : { code });

/** A pool whose connections fail by plan: one list per connection, with the error of the statement that starts so. */
function poolOf(...plans) {
  const log = [];
  const released = [];
  const connect = async () => {
    const plan = plans.shift() ?? {};
    if (plan.connect) throw plan.connect;
    const client = new EventEmitter();
    client.query = async (query) => {
      const text = query.text ?? query;
      log.push([text.split(" ")[0], ...(query.values ?? [])].join(" "));
      const failure = plan[text.split(" ")[0]];
      if (failure) {
        client.emit("error", failure); // as the driver does when a connection breaks
        throw failure;
      }
      return { rows: [{ text }] };
    };
    client.release = (reason) => released.push(reason);
    return client;
  };
  return { connect, log, released };
}
const insert = (query) => query({ text: "INSERT 1" });

test("one transaction, as its actor", async () => {
  const pool = poolOf();
  assert.deepEqual(await inTransaction(pool, "clinic-a", insert), { rows: [{ text: "INSERT 1" }] });
  assert.deepEqual(pool.log, ["BEGIN", "SELECT clinic-a", "INSERT", "COMMIT"]);
  assert.deepEqual(pool.released, [undefined]);
});

for (const [where, plan] of [
  ["the pooler turns away", { BEGIN: error("08P01", "server shutting down") }],
  ["nobody listens", { connect: error("ECONNREFUSED") }],
  ["an idle connection was closed", { BEGIN: error(undefined, "Connection terminated unexpectedly") }],
  ["the server dies in the middle", { INSERT: error("57P01") }],
]) {
  test(`begins again when ${where}`, async () => {
    const pool = poolOf(plan);
    await inTransaction(pool, "a", insert);
    assert.deepEqual(pool.log.slice(-4), ["BEGIN", "SELECT a", "INSERT", "COMMIT"]);
    assert.equal(pool.released.at(-1), undefined);
    if (!plan.connect) assert.equal(pool.released[0], Object.values(plan)[0], "a broken connection must not go back");
  });
}

test("does not repeat what may have happened", async () => {
  for (const broken of [error(undefined, "Connection terminated unexpectedly"), error("08P01", "server conn crashed?"), error("57P01")]) {
    const pool = poolOf({ COMMIT: broken });
    await assert.rejects(inTransaction(pool, "a", insert), OutcomeUnknown);
    assert.equal(pool.log.filter((word) => word === "COMMIT").length, 1);
    assert.ok(pool.released[0] instanceof OutcomeUnknown);
  }
});

test("repeats a COMMIT that was refused for the moment", async () => {
  const pool = poolOf({ COMMIT: error("40001") });
  await inTransaction(pool, "a", insert);
  assert.equal(pool.log.filter((word) => word === "COMMIT").length, 2);
});

test("a mistake in a statement is rolled back and reported at once", async () => {
  const pool = poolOf({ INSERT: error("23505") });
  await assert.rejects(inTransaction(pool, "a", insert), { code: "23505" });
  assert.deepEqual(pool.log, ["BEGIN", "SELECT a", "INSERT", "ROLLBACK"]);
  assert.deepEqual(pool.released, [undefined]);
});

test("a connection that cannot roll back is closed", async () => {
  const pool = poolOf({ INSERT: error("23505"), ROLLBACK: error("08006") });
  await assert.rejects(inTransaction(pool, "a", insert), { code: "23505" });
  assert.equal(pool.released[0].code, "08006");
});

test("gives up after its patience", async () => {
  const down = Array.from({ length: 50 }, () => ({ connect: error("ECONNREFUSED") }));
  await assert.rejects(inTransaction(poolOf(...down), "a", insert, 150), { code: "ECONNREFUSED" });
});

test("knows what may pass", () => {
  for (const code of ["08P01", "08006", "57P01", "57P03", "53300", "40001", "EPIPE", "EAI_AGAIN"]) assert.equal(isTransient(error(code)), true, code);
  for (const code of ["23505", "42501", "25006", "57014", "28P01", "EACCES", undefined]) assert.equal(isTransient(error(code)), false, code);
});
