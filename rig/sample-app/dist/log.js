// One JSON line per event. Callers pass only names, codes and counts: no request body, no query
// string, no row, no error text of the database (it may quote values), no secret.

/** Writes one line to standard output. */
export function log(level, event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...fields })}\n`);
}

/** What may be said of an error: a code such as 42501 or ECONNREFUSED, else the kind of error. */
export function errorCode(error) {
  return typeof error?.code === "string" ? error.code : (error?.name ?? "Error");
}

/** Prints all reasons why the process cannot start, and ends it with status 78 (EX_CONFIG). */
export function refuse(problems) {
  for (const problem of problems) log("error", "refused", { problem });
  process.exit(78);
}
