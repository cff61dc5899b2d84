import type { Bootstrap } from "./archiveHook.ts";
import { dataDirectory, type PostgresLayout } from "./layout.ts";

export interface InitScriptArgs {
  readonly layout: PostgresLayout;
  /** What an empty volume becomes. @default "initdb" */
  readonly bootstrap?: Bootstrap;
  /** Names of the archive's scripts beside this one, see `ArchiveHook`. @default none */
  readonly archiveScripts?: readonly string[];
}

/**
 * Makes an empty volume a database cluster, and does nothing to one that exists. Runs before the server on every start.
 * Refuses a volume of another major version, a log without data, and data without a log: each means that a wrong
 * volume is mounted, and going on would hide or destroy the right one. Waits for a server of an earlier pod to end.
 */
export const renderInitScript = ({
  layout,
  bootstrap = "initdb",
  archiveScripts = [],
}: InitScriptArgs): string => `#!/usr/bin/env bash
set -euo pipefail
umask 077
major=${String(layout.major)}
bin='${layout.binDirectory}'
root='${layout.dataRoot}'
data='${dataDirectory(layout)}'
wal_root='${layout.walRoot}'
wal="$wal_root/$major"
# Present from before the first byte until the finished cluster has its final name.
started="$wal_root/.initdb-$major-started"

say() { printf 'postgres-init: %s\\n' "$1"; }
die() { printf 'postgres-init: refused: %s\\n' "$1" >&2; exit 1; }

# Whoever may write to the data locks its volume, for as long as one of its processes lives. A pod that was deleted
# without grace, or that the node lost sight of, can run on beside its successor, and PostgreSQL's own lock does not
# see that: it compares process ids, and both are process 1 of their own pod.
exec 9<"$root"
if ! flock --nonblock 9; then
  say "a server of an earlier pod still uses this volume, waiting for its end"
  flock 9
fi

version=$("$bin/postgres" --version)
version=\${version##*PostgreSQL) }
[[ \${version%%.*} == "$major" ]] || die "the image holds PostgreSQL $version, this configuration is for $major (config key images.postgres)"

if [[ -e $data/PG_VERSION ]]; then
  found=$(<"$data/PG_VERSION")
  [[ $found == "$major" ]] || die "$data is of version $found, not $major; set images.postgres back, and see docs/runbooks/postgres-upgrade.md"
  [[ -d $wal ]] || die "$wal is missing: the volume of the write-ahead log is not the one that belongs to this data"
  rm -f "$started"
  say "cluster found in $data, nothing to do"
  exit 0
fi

[[ ! -e $data ]] || [[ -z $(ls -A "$data") ]] || die "$data is not empty and holds no cluster; move it away after a look at it"
for other in "$root"/*/docker/PG_VERSION "$root"/data/PG_VERSION "$root"/PG_VERSION; do
  [[ ! -e $other ]] || die "$other is of version $(<"$other"): this volume belongs to another major version; set images.postgres back, and see docs/runbooks/postgres-upgrade.md"
done
if [[ -e $wal && ! -e $started ]]; then
  die "$wal exists but $data does not: the data volume is not the one that belongs to this log"
fi

${bootstrap === "initdb" && archiveScripts.includes("guard.sh") ? guard(layout) : ""}# From here on everything is ours and unfinished, so an interrupted run is simply thrown away.
touch "$started"
sync -f "$wal_root"
rm -rf -- "$data.new" "$wal"
mkdir -p "$(dirname "$data")"
${bootstrap === "restore" ? restore(layout) : create}
rmdir "$data" 2>/dev/null || true
mv -T "$data.new" "$data"
sync -f "$root"
sync -f "$wal_root"
rm -f "$started"
say "created"
`;

/** Nothing has been touched when the archive says no. */
const guard = (layout: PostgresLayout): string =>
  `bash '${layout.configDirectory}/guard.sh' || die "the archive does not accept a new cluster, see above"\n`;

const create = `say "creating a cluster in $data"
"$bin/initdb" --pgdata="$data.new" --waldir="$wal" --username=postgres \\
  --no-instructions --data-checksums --auth-local=peer --auth-host=scram-sha-256 \\
  --encoding=UTF8 --locale=C.UTF-8 --locale-provider=builtin --builtin-locale=C.UTF-8`;

/** A base backup brings its own cluster; only the log moves to its volume. */
const restore = (layout: PostgresLayout): string => `say "restoring a backup into $data"
mkdir -m 0700 "$data.new"
PGDATA="$data.new" bash '${layout.configDirectory}/restore-base.sh' || die "no backup could be restored, see above; the volume stays empty"
restored=$(cat "$data.new/PG_VERSION" 2>/dev/null) || die "the backup holds no cluster"
[[ $restored == "$major" ]] || die "the backup is of version $restored, not $major; restore it with an image of that version and upgrade"
[[ -e $data.new/recovery.signal ]] || die "restore-base.sh left no recovery.signal: the cluster would start without its log"
if [[ -L $data.new/pg_wal ]]; then rm -f "$data.new/pg_wal"; mkdir -m 0700 "$wal"; else mv -T "$data.new/pg_wal" "$wal" 2>/dev/null || mkdir -m 0700 "$wal"; fi
ln -s "$wal" "$data.new/pg_wal"
chmod 0700 "$data.new" "$wal"
rm -f "$data.new/postmaster.pid" "$data.new/postmaster.opts"`;
