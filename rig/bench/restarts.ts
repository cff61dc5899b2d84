/** Archiving switched on and off, and what a restart of the database costs. State held: the server's own settings. */
import { onHost } from "../stack.ts";
import { inClient, type Bench } from "./client.ts";
import { superuser, type Way } from "./pgbench.ts";

/** Seconds from the order to restart until the new server's first answer. */
export interface Restart {
  /** As the application asks. */
  readonly pooled: number;
  readonly direct: number;
}

/**
 * Deletes the database's pod and asks by both ways until another server answers. A question that finds no server waits
 * in PgBouncer, as the application's do.
 */
export const restart = async (bench: Bench): Promise<Restart> => {
  // In PgBouncer a question waits for the server; a call to a pod that is gone is not answered, and has to be made again.
  const patience = { pooled: 60, direct: 1 };
  const question = "psql -Atc 'SELECT pg_postmaster_start_time()'";
  const before = await inClient(bench, `direct ${question}`);
  const ask = async (way: Way): Promise<number> =>
    Number(
      await inClient(
        bench,
        `ask() { ${way} timeout ${String(patience[way])} ${question} 2>/dev/null; }
until answer=$(ask) && [[ $answer != '${before}' ]]; do sleep 0.05; done
echo "$EPOCHREALTIME"`,
      ),
    );
  const kubectl = ["k3s", "kubectl", "-n", bench.namespace];
  const answers = Promise.all([ask("pooled"), ask("direct")]);
  const began = Date.now() / 1000;
  await onHost(bench.hostName, ...kubectl, "delete", "pod", "postgres-0", "--wait=false");
  const [pooled, direct] = await answers;
  await onHost(
    ...[bench.hostName, ...kubectl, "wait", "--for=condition=Ready", "pod/postgres-0"],
    "--timeout=300s",
  );
  return { pooled: pooled - began, direct: direct - began };
};

/**
 * Takes effect at the next start. The platform forbids ALTER SYSTEM, so this writes the file that it would: nobody but
 * a benchmark should.
 */
export const archiving = async (bench: Bench, on: boolean): Promise<void> => {
  const file = "/var/lib/postgresql/18/docker/postgresql.auto.conf";
  await superuser(bench, "sh", "-c", on ? `: >${file}` : `echo 'archive_mode = off' >${file}`);
};
