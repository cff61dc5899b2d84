// The application's one table, through prepared statements. Every row belongs to a tenant; every read names one or is counted over all.

const TENANT = /^[a-z][a-z0-9-]{0,62}$/;
const MAXIMUM = 100;

/** A request that cannot be served, with the HTTP status and a text without data. */
export class BadRequest extends Error {}

export function checkTenant(tenant) {
  if (typeof tenant !== "string" || !TENANT.test(tenant)) throw new BadRequest(`tenant: want ${TENANT.source}`);
}

/** Writes a visit and returns its row. `body` is the parsed JSON of the request: { tenant, note? }. */
export async function createVisit(database, cache, body) {
  const { tenant, note = "" } = body ?? {};
  checkTenant(tenant);
  if (typeof note !== "string" || note.length > 1000) throw new BadRequest("note: want text of up to 1000 characters");
  const { rows } = await database.transaction(tenant, (query) =>
    query({
      name: "create-visit",
      text: "INSERT INTO visits (tenant, note) VALUES ($1, $2) RETURNING id, tenant, note, created_at",
      values: [tenant, note],
    }),
  );
  await cache.drop(summaryKey(tenant));
  return present(rows[0]);
}

const SUMMARY_SECONDS = 60;
const summaryKey = (tenant) => `summary:${tenant}`;

/**
 * Counts of a tenant, from the cache when it has them. The statement takes a quarter of a second on purpose: it stands
 * for a report that is worth a cache. Parameter: tenant.
 */
export async function summarize(database, cache, parameters) {
  const tenant = parameters.get("tenant");
  checkTenant(tenant);
  const { value, cached } = await cache.read(summaryKey(tenant), SUMMARY_SECONDS, async () => {
    const { rows } = await database.transaction(tenant, (query) =>
      query({
        name: "summarize-visits",
        text: "SELECT count(*) AS visits, count(processed_at) AS processed FROM visits, (SELECT pg_sleep(0.25)) AS report WHERE tenant = $1",
        values: [tenant],
      }),
    );
    return { visits: Number(rows[0].visits), processed: Number(rows[0].processed) };
  });
  return { tenant, ...value, cached };
}

/** The newest visits. Parameters: limit (1 to 100, default 20), tenant (default all). */
export async function listVisits(database, parameters) {
  const limit = parameters.get("limit") ?? "20";
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAXIMUM) throw new BadRequest(`limit: want 1 to ${MAXIMUM}`);
  const { rows } = await database.transaction("api", (query) =>
    query({
      name: "list-visits",
      text: "SELECT id, tenant, note, created_at, processed_at FROM visits WHERE $1::text IS NULL OR tenant = $1 ORDER BY id DESC LIMIT $2",
      values: [parameters.get("tenant"), Number(limit)],
    }),
  );
  return rows.map(present);
}

/** The worker's job: marks what has not been processed, at most 100 rows at once, and says how many. */
export async function processVisits(database) {
  const { rowCount } = await database.transaction("worker", (query) =>
    query({
      name: "process-visits",
      text: "UPDATE visits SET processed_at = now() WHERE id IN (SELECT id FROM visits WHERE processed_at IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED)",
    }),
  );
  return rowCount;
}

function present(row) {
  return { id: Number(row.id), tenant: row.tenant, note: row.note, createdAt: row.created_at, processedAt: row.processed_at ?? null };
}
