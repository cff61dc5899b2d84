import { database, postgresLayout, roles } from "./layout.ts";

/** The application's own clean-up, called before the weekly VACUUM if its migrations have made it. */
export const cleanupHook = "public.platform_cleanup()";

const passwordFile = `/run/platform/maintenance-password/${roles.maintenance}`;

// The text of an error may repeat a value of a row; its code says enough.
const common = (what: string): string => `#!/usr/bin/env bash
set -euo pipefail
bin='${postgresLayout.binDirectory}'
PGPASSWORD=$(<${passwordFile})
export PGPASSWORD
say() { printf '${what}: %s\\n' "$1"; }
run() { "$bin/psql" --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --set=VERBOSITY=sqlstate --command="$1"; }
`;

/** Weekly: what the application cleans up itself, then VACUUM (ANALYZE) of every table; never FULL, which locks. */
export const renderVacuumScript = (): string => `${common("vacuum")}
read_only=$(run 'SELECT read_only FROM platform.wal_bound')
if [[ $read_only == t ]]; then
  say "the write-ahead log has no room; nothing was done, autovacuum goes on"
  exit 0
fi
failed=0
has_hook=$(run "SELECT to_regprocedure('${cleanupHook}') IS NOT NULL")
if [[ $has_hook == t ]]; then
  say "calling ${cleanupHook}"
  run 'SELECT ${cleanupHook}' >/dev/null || { failed=1; say "${cleanupHook} failed, see its SQLSTATE above; going on"; }
fi
say "vacuum and analyze"
run 'VACUUM (ANALYZE, SKIP_LOCKED)'
say "done"
exit "$failed"
`;

/** Monthly: every table and index is read and compared. A damaged one ends the job with its name. */
export const renderAmcheckScript = (): string => `${common("amcheck")}
say "checking every table and index of ${database}"
"$bin/pg_amcheck" --heapallindexed ${database}
say "no damage found"
`;

export const maintenanceScripts = (): Readonly<Record<string, string>> => ({
  "vacuum.sh": renderVacuumScript(),
  "amcheck.sh": renderAmcheckScript(),
});
