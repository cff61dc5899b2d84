import { dragonflyLayout } from "./layout.ts";

export interface DragonflyMemory {
  /** Memory limit of the container, MiB. */
  readonly limitMiB: number;
  /** Proactor threads. */
  readonly threads: number;
}

/** MiB. Dragonfly ends with an error below it. */
export const leastPerThreadMiB = 256;
/** The process takes 1.3 to 1.5 times what it may hold; at the limit it would be killed. */
const headroom = 1.4;

/** MiB of data within a memory limit. */
export const dragonflyMaxMemoryMiB = (limitMiB: number): number => Math.floor(limitMiB / headroom);

/** What is wrong with the memory, or undefined when nothing is. */
export const dragonflyMemoryProblem = ({ limitMiB, threads }: DragonflyMemory): string | undefined => {
  const have = dragonflyMaxMemoryMiB(limitMiB);
  const need = leastPerThreadMiB * threads;
  if (have >= need) return undefined;
  return (
    `dragonfly: a memory limit of ${String(limitMiB)} MiB leaves ${String(have)} MiB of data, and ${String(threads)} ` +
    `thread(s) need ${String(need)}; raise the limit to ${String(Math.ceil(need * headroom))} MiB or run fewer threads`
  );
};

/** As many threads as have enough memory, at most two: beyond that, API and database need the processors more. */
export const fittingThreads = (limitMiB: number): number =>
  Math.min(2, Math.max(1, Math.floor(dragonflyMaxMemoryMiB(limitMiB) / leastPerThreadMiB)));

/**
 * Arguments of `dragonfly`. Pure; no secret among them.
 * Nothing is written to disk: a snapshot that is read after a crash would bring back what had been deleted since, and
 * patient data would lie in a file. After a restart the cache is empty, and the application slower for a while.
 */
export const dragonflyFlags = ({ limitMiB, threads }: DragonflyMemory): readonly string[] => [
  "--logtostderr",
  `--port=${String(dragonflyLayout.port)}`,
  `--proactor_threads=${String(threads)}`,
  `--maxmemory=${String(dragonflyMaxMemoryMiB(limitMiB))}mb`,
  // At the limit old entries give way.
  "--cache_mode=true",
  `--dir=${dragonflyLayout.dataDirectory}`,
  "--dbfilename=",
  // io_uring is closed to containers; this way it is not even tried.
  "--force_epoll",
  // It would call home.
  "--version_check=false",
  "--tls",
  `--tls_cert_file=${dragonflyLayout.tlsDirectory}/tls.crt`,
  `--tls_key_file=${dragonflyLayout.tlsDirectory}/tls.key`,
  `--aclfile=${dragonflyLayout.aclDirectory}/users.acl`,
  "--primary_port_http_enabled=false",
  // Of this port /metrics alone answers without a password (and so without --admin_nopass).
  `--admin_port=${String(dragonflyLayout.adminPort)}`,
  "--no_tls_on_admin_port",
];
