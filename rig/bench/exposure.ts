/**
 * How much of the newest writes the loss of the machine would cost (RPO): what the store holds of the log is fetched
 * again and again by the platform's own restore_command and read, while rows are committed without a pause.
 * State held: a table `bench.beats`; a directory on the data volume, removed at the end.
 */
import { dataScale as scale } from "./dataScale.ts";
import { remote } from "./hosts.ts";
import { inClient, type Bench } from "./client.ts";
import { sql } from "./pgbench.ts";

const bin = "/usr/lib/postgresql/18/bin";

/**
 * In the database's pod, for SECONDS: `MOMENT COMMIT` per look, both in seconds since 1970: when the look had ended,
 * and the newest commit that a restore from what it found would bring back; 0 before the first piece.
 */
const looks = (from: string, seconds: number): string => `
d=/var/lib/postgresql/bench-log
trap 'rm -rf "$d"' EXIT
piece=${from}
next() { printf '%s%08X%08X' "\${1:0:8}" $((16#\${1:8:8} + (16#\${1:16:8} + 1) / 256)) $(((16#\${1:16:8} + 1) % 256)); }
fetch() { rm -rf "$d"; mkdir "$d"; bash /etc/platform/postgres/fetch-wal.sh "$1" "$d/$1" 2>/tmp/bench-log; }
held=0
until=$((SECONDS + ${String(seconds)}))
while ((SECONDS < until)); do
  if fetch "$(next "$piece")"; then piece=$(next "$piece"); elif ! fetch "$piece"; then rm -rf "$d"; fi
  at=$EPOCHREALTIME
  # A piece that is not complete ends with an error, after everything before that.
  commit=$({ ${bin}/pg_waldump --rmgr=Transaction "$d/$piece" 2>/dev/null || true; } | sed -nE 's/.* COMMIT ([0-9-]+ [0-9:.]+ [A-Z]+).*/\\1/p' | tail -n 1)
  [[ -z $commit ]] || held=$(date --date="$commit" +%s.%N)
  echo "$at $held"
done
`;

/**
 * The oldest that the newest stored commit became. Between two looks that found something new it aged until the latter.
 * @throws Error when the store got nothing in all that time
 */
export const worstAge = (said: string): number => {
  const seen = said
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number))
    .map(([at = Number.NaN, commit = Number.NaN]) => ({ at, commit }))
    .filter(({ commit }) => commit > 0);
  if (seen.length < 2) throw new Error(`the store got no commit while it was watched: ${said}`);
  return Math.max(...seen.slice(1).map(({ at }, before) => at - (seen[before]?.commit ?? Number.NaN)));
};

/** Seconds; ten rows a second are committed meanwhile by the application's way. */
export const exposure = async (bench: Bench, seconds: number): Promise<number> => {
  await sql(
    bench,
    "CREATE TABLE IF NOT EXISTS bench.beats (at timestamptz); GRANT INSERT ON bench.beats TO app_dml",
  );
  const from = await sql(bench, "SELECT pg_walfile_name(pg_current_wal_lsn())");
  const beats = String((seconds + scale.warmSeconds) * 10);
  const writing = inClient(
    bench,
    `pooled psql -q <<'END-OF-BEATS'
INSERT INTO bench.beats VALUES (clock_timestamp()) \\watch i=0.1 c=${beats}
END-OF-BEATS`,
  );
  const watching = remote(
    bench.hostName,
    `k3s kubectl -n ${bench.namespace} exec -i postgres-0 -c postgres -- bash -euo pipefail -s <<'END-OF-LOOKS'
${looks(from, seconds)}
END-OF-LOOKS
`,
  );
  const [said] = await Promise.all([watching, writing]);
  return worstAge(said);
};

/** Waits until the log is streamed. */
export const streaming = async (bench: Bench): Promise<void> => {
  const receivers =
    "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND state = 'streaming'";
  for (const deadline = Date.now() + 120_000; ;) {
    if ((await sql(bench, receivers)) === "1") return;
    if (Date.now() > deadline) throw new Error("after 120 s nobody receives the log");
  }
};
