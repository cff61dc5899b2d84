/** How the figures were obtained, as docs/benchmarks.md tells it. No state. */
import { dataScale as scale } from "./dataScale.ts";

export type Part = "program" | "data";

export const programRounds = 3;

const program = `"(stand-in)" marks what ran through a part that stands in for the real one (\`rig/README.md\`): plugins, language host, k3s.
Such a figure says how the program compares with the same stand-in used without it, not how fast the real one is.

Previews, starts and updates that change nothing: all arms in turn, ${String(programRounds)} rounds, median. Everything that takes a bare host
or a fresh cluster: once each.

- **Program start**: from the start of the node process that Pulumi's loader runs to the first statement of a program that imports
  all modules of the platform; against one that imports only the SDK's core, so that the difference is ours. The rig sets
  NODE_COMPILE_CACHE, as every figure here has it; the second line is without, as a shell has it that does not.
- **Previews and updates**: the CLI alone, without the scripts of the rig; the empty program has the same file backend and
  secrets provider. "First preview" has an empty state, "no-op" the state of the platform that runs.
- **Bootstrap**: a Debian 13 host with the base packages of a VPS image, booted and reachable by SSH; \`pulumi up\` of host and
  cluster only. By hand: the same files copied over SSH, the same config.yaml, unit and kernel settings, \`systemctl start\`; no
  checks, no digests. "Node Ready" is the time of the node's own condition, in whole seconds; "usable" is when CoreDNS,
  metrics-server and the local-path provisioner are available, and for the program also kubeconfig and provider.
- **First up**: the same stack's objects on the cluster just made, until every workload is ready. By hand: the same objects,
  exported from the state, on a second fresh cluster: \`kubectl apply --server-side\` in four steps, waiting for the database,
  the migration, then all rollouts.
- **Warm make local**: the sum of its steps with everything built: host, stack file, secrets, both halves of the up.
- **Idle host**: the memory cgroup of the host with the whole platform on it, after the rounds: anonymous memory, and the working
  set as the kubelet counts it.
- **State**: the file of the file backend, uncompressed.

Only one host of the benchmark runs at a time.`;

const data = `A tiny stack (2 CPUs, PostgreSQL with 512 MiB) with backups and without monitoring; its API and worker idle. All arms in
turn, ${String(scale.rounds)} rounds, median; the ratio is of the medians. "(stand-in)": through the rig's k3s, or its wal-g, which is
an old release candidate and compresses with lz4 instead of zstd.

- **pgbench**: scale ${String(scale.pgbench)} (${String(scale.pgbench * 100_000)} accounts, larger than shared_buffers, smaller than the memory of the machine), ${String(scale.clients)} or
  ${String(scale.manyClients)} clients with a thread each, ${String(scale.seconds)} s a run, prepared statements, tables outside of the audited schema. It runs in a pod of
  its own on the same node, as the application's role with the same SCRAM login, by the Service of PgBouncer (two pods, transaction
  mode) or of the database. TLS 1.3 with verification of name and CA in both arms, and between PgBouncer and PostgreSQL.
  "Read-write" is pgbench's TPC-B-like script, seven statements, "read-only" its select-only one. Before every run a
  checkpoint, and nothing left to archive. pgbench, PgBouncer, PostgreSQL and everything else share the machine's cores: where
  these are the bound, the ratio tells what PgBouncer costs in CPU. "Latency at ${String(scale.pacedPerSecond)}/s" is what it costs where they are not: so many
  transactions are begun each second by ${String(scale.clients)} clients, and the time of each counts from the moment it was due.
- **Archiving**: the read-write script, direct; \`archive_mode\` off and on, both after a restart and ${String(scale.warmSeconds)} s that do not count. With it every
  segment is compressed, encrypted and sent to the store on the same machine, whose work counts against it too.
- **Base backup**: the nightly job with a full backup, from \`start_time\` to \`finish_time\` as wal-g notes them: checkpoint, upload,
  end of the backup. Against the same objects sent by curl over TLS, ${String(scale.uploads)} at once as wal-g is told. ${String(scale.documentsMiB)} MiB of the data do not
  compress. MiB are those in the store.
- **Restore**: \`wal-g backup-fetch\` in the database's pod, with the settings of a restore: download, decryption, unpacking, files
  synced to the disk; against the same objects got by
  curl and thrown away, ${String(scale.downloads)} at once. "Store of the rig" is MinIO on the same machine, with no network between: it delivers
  more than one core decrypts. "${String(scale.storeMbit / 8)} MB/s" is that store behind a queue of the rate that Contabo documents.
- **Restart**: the pod deleted, until the next server's first answer to a \`SELECT\` by the application's role that had been asking ever
  since: shutdown with its checkpoint, start, roles, readiness.
- **Age of the newest stored commit**: what the loss of the machine would cost (RPO). Ten rows a second are committed through
  PgBouncer; meanwhile the newest piece of the log that the store has is fetched again and again by the platform's own
  \`restore_command\` and read by \`pg_waldump\`. Counted is how old the newest commit in it had become when a look found a
  newer one, the time of that look included; the largest, in ${String(scale.archiveSeconds)} s with the archive alone and in ${String(scale.streamSeconds)} s with \`data.backup.wal: stream\`.`;

export const obtained: Readonly<Record<Part, { readonly title: string; readonly text: string }>> = {
  program: { title: "The program", text: program },
  data: { title: "The data layer", text: data },
};
