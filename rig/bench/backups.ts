/**
 * Base backups and restores of the running database, against the same bytes sent to and got from the same store by
 * curl. State held: backups, and objects `bench-N` in the bucket; copies of objects on the host.
 */
import { store } from "../services.ts";
import { onHost } from "../stack.ts";
import { dataScale as scale } from "./dataScale.ts";
import { remote } from "./hosts.ts";
import { benchStore } from "./places.ts";
import type { Bench } from "./client.ts";
import { superuser } from "./pgbench.ts";

/** A base backup in the store. */
export interface Stored {
  readonly name: string;
  /** Seconds that wal-g took, as it says itself. */
  readonly seconds: number;
  readonly objects: readonly string[];
  /** Compressed and encrypted. */
  readonly mebibytes: number;
}

const perSecond = (mebibytes: number, seconds: number): number => mebibytes / seconds;

interface CronJob {
  readonly spec: {
    readonly jobTemplate: {
      readonly spec: {
        readonly template: {
          readonly spec: { readonly containers: readonly { readonly env: readonly { name: string }[] }[] };
        };
      };
    };
  };
}

/** The nightly job with a full backup, whatever there is already, and without the fingerprint. */
const fullBackup = (cronJob: CronJob, name: string): unknown => {
  const job = cronJob.spec.jobTemplate.spec;
  const changed = ["WALG_DELTA_MAX_STEPS", "PLATFORM_FINGERPRINT_SECONDS"];
  const containers = job.template.spec.containers.map((container) => ({
    ...container,
    env: [
      ...container.env.filter((variable) => !changed.includes(variable.name)),
      { name: "WALG_DELTA_MAX_STEPS", value: "0" },
    ],
  }));
  const template = { ...job.template, spec: { ...job.template.spec, containers } };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { ...job, template } };
};

interface Listed {
  readonly backup_name: string;
  readonly start_time: string;
  readonly finish_time: string;
}

/** Makes a full base backup by the platform's own job. */
export const backUp = async (bench: Bench, run: string): Promise<Stored> => {
  const kubectl = ["k3s", "kubectl", "-n", bench.namespace];
  const cronJob = JSON.parse(
    await onHost(bench.hostName, ...kubectl, "get", "cronjob", "backup", "-o", "json"),
  ) as CronJob;
  const job = `bench-${run}`;
  await remote(
    bench.hostName,
    `${kubectl.join(" ")} create -f - <<'END-OF-JOB'\n${JSON.stringify(fullBackup(cronJob, job))}\nEND-OF-JOB\n` +
      `${kubectl.join(" ")} wait --for=condition=complete job/${job} --timeout=600s\n`,
  );
  const list = await superuser(bench, "sh", "-c", '"$PLATFORM_WALG" backup-list --detail --json 2>/dev/null');
  const newest = (JSON.parse(list) as readonly Listed[])
    .toSorted((a, b) => Date.parse(a.finish_time) - Date.parse(b.finish_time))
    .at(-1);
  if (newest === undefined) throw new Error("the store lists no backup after one was made");
  const lines = (await store(["ls", benchStore]))
    .split("\n")
    .filter((line) => line.includes(`/${newest.backup_name}/`));
  const bytes = lines.reduce((sum, line) => sum + Number(line.split(" ")[0]), 0);
  return {
    name: newest.backup_name,
    seconds: (Date.parse(newest.finish_time) - Date.parse(newest.start_time)) / 1000,
    objects: lines.map((line) => line.slice(line.indexOf(" ") + 1)),
    mebibytes: bytes / 2 ** 20,
  };
};

/**
 * MiB of the store per second while wal-g fetches, decrypts, unpacks and writes the backup, in the database's pod and
 * with the memory that a restore has there; written through to the disk at the end, as `fetch_backup` does.
 */
export const fetchSpeed = async (bench: Bench, { name, mebibytes }: Stored): Promise<number> => {
  const limit = await onHost(
    ...[bench.hostName, "k3s", "kubectl", "-n", bench.namespace, "get", "pod", "postgres-0", "-o"],
    'jsonpath={.spec.initContainers[?(@.name=="init")].env[?(@.name=="GOMEMLIMIT")].value}',
  );
  const script = `d=/var/lib/postgresql/bench-restore; rm -rf $d; mkdir -m 0700 $d; from=$EPOCHREALTIME
GOMEMLIMIT=${limit} WALG_TAR_DISABLE_FSYNC=true "$PLATFORM_WALG" backup-fetch $d ${name} >/tmp/bench 2>&1 || { tail -n 5 /tmp/bench; exit 1; }
sync --file-system $d
to=$EPOCHREALTIME; test -e $d/global/pg_control; rm -rf $d; echo "$from $to"`;
  const [from, to] = (await superuser(bench, "bash", "-euc", script)).split(" ").map(Number);
  return perSecond(mebibytes, (to ?? Number.NaN) - (from ?? Number.NaN));
};

const kept = "/srv/bench-objects";

/** curl with the credentials that the platform has; its settings come on stdin, out of sight of other processes. */
const curl = async (
  bench: Bench,
  parallel: number,
  transfers: readonly { readonly url: string; readonly as: string }[],
): Promise<number> => {
  const { accessKeyId, secretAccessKey } = JSON.parse(
    await store(["credentials", benchStore, "app"]),
  ) as Record<"accessKeyId" | "secretAccessKey", string>;
  const settings = [
    ...["silent", "show-error", "fail", "parallel", `parallel-max = ${String(parallel)}`],
    ...['aws-sigv4 = "aws:amz:default:s3"', `user = "${accessKeyId}:${secretAccessKey}"`],
    `cacert = "${kept}/ca.crt"`,
    ...transfers.flatMap(({ url, as }) => [`url = "${url}"`, as]),
  ].join("\n");
  const said = await remote(
    bench.hostName,
    `from=$EPOCHREALTIME\ncurl -K - <<'END-OF-SETTINGS'\n${settings}\nEND-OF-SETTINGS\necho "$from $EPOCHREALTIME"\n`,
  );
  const [from, to] = said.split(" ").map(Number);
  return (to ?? Number.NaN) - (from ?? Number.NaN);
};

const urlOf = async (key: string): Promise<string> =>
  `${await store(["url", benchStore])}/${await store(["bucket", benchStore])}/${key}`;

const urlsOf = (keys: readonly string[]): Promise<readonly string[]> => Promise.all(keys.map(urlOf));

/** MiB per second that the store delivers of the same objects, thrown away. */
export const downloadSpeed = async (bench: Bench, { objects, mebibytes }: Stored): Promise<number> => {
  const transfers = (await urlsOf(objects)).map((url) => ({ url, as: 'output = "/dev/null"' }));
  return perSecond(mebibytes, await curl(bench, scale.downloads, transfers));
};

/** Keeps the backup's objects on the host, as what `uploadSpeed` sends. */
export const keepObjects = async (bench: Bench, { objects }: Stored): Promise<void> => {
  const authority = await store(["ca", benchStore]);
  await remote(
    bench.hostName,
    `rm -rf ${kept}; mkdir ${kept}; cat >${kept}/ca.crt <<'END-OF-CA'\n${authority}\nEND-OF-CA\n`,
  );
  const urls = await urlsOf(objects);
  await curl(
    bench,
    scale.downloads,
    urls.map((url, at) => ({ url, as: `output = "${kept}/${String(at)}"` })),
  );
};

/** MiB per second that the store takes of the kept objects. */
export const uploadSpeed = async (bench: Bench, { objects, mebibytes }: Stored): Promise<number> => {
  const urls = await urlsOf(objects.map((_, at) => `bench-${String(at)}`));
  const transfers = urls.map((url, at) => ({ url, as: `upload-file = "${kept}/${String(at)}"` }));
  return perSecond(mebibytes, await curl(bench, scale.uploads, transfers));
};
