/**
 * The pod in which the copy runs: PostgreSQL's own programs from the platform's image, beside the database on the same
 * node, with both servers as sockets in one of its volumes. It has no network: the source comes through SSH, the target
 * is the database's own socket. So an import opens no port, needs no password of the platform and no line in pg_hba.conf.
 */

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { dataDirectory, postgresLayout } from "../../../components/data/layout.ts";
import { prefixed } from "../../../components/workload/names.ts";
import { shellWord } from "../stack-access.ts";
import type { HostAccess } from "../stack-access.ts";
import { UserError } from "../user-error.ts";
import { benchLayout, benchPod, volumePath } from "./bench-pod.ts";
import type { DatabasePod } from "./bench-pod.ts";
import { podName } from "./names.ts";
import type { Space } from "./judge.ts";

const socketFile = ".s.PGSQL.5432";
const readySeconds = 180;

interface PodJson {
  readonly metadata: { readonly uid: string };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly {
      readonly name: string;
      readonly image: string;
      readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
  };
  readonly status?: { readonly phase?: string };
}

/** Finds the database of the stack with this prefix. @throws UserError when it does not run */
export const findDatabase = async (host: HostAccess, prefix: string): Promise<DatabasePod> => {
  const [namespace, pod] = [prefixed(prefix, "data"), "postgres-0"];
  const json = JSON.parse(await host.kubectl(["-n", namespace, "get", "pod", pod, "-o", "json"])) as PodJson;
  const server = json.spec.containers.find((container) => container.name === "postgres");
  const mount = server?.volumeMounts?.find((m) => m.mountPath === postgresLayout.socketDirectory);
  if (server === undefined || mount === undefined || json.spec.nodeName === undefined)
    throw new UserError(`target: ${namespace}/${pod} does not run; pulumi up first`);
  return {
    namespace,
    pod,
    uid: json.metadata.uid,
    image: server.image,
    node: json.spec.nodeName,
    socketVolume: mount.name,
  };
};

export interface Workbench {
  readonly spawn: (argv: readonly string[]) => ChildProcessWithoutNullStreams;
  readonly space: () => Promise<Space>;
  /** Applies the platform's roles and rights to a database of another name; makes it when it is missing. */
  readonly applyRoles: (database: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface WorkbenchArgs {
  readonly host: HostAccess;
  readonly database: DatabasePod;
  readonly prefix: string;
  /** The operator's end of the way to the source. */
  readonly relaySocket: string;
  /** Line for libpq's password file. */
  readonly passwordLine: string;
}

const remove = (host: HostAccess, database: DatabasePod): Promise<string> =>
  host.kubectl([
    "-n",
    database.namespace,
    "delete",
    "pod",
    podName,
    "--ignore-not-found",
    "--wait=true",
    "--timeout=60s",
  ]);

const volumeOf = (
  mounts: readonly { readonly name: string; readonly mountPath: string }[] | undefined,
): string => mounts?.find((mount) => mount.mountPath === benchLayout.sockets)?.name ?? "";

/** Puts both sockets into the pod's volume. A second name for the database's socket: same server, same peer check. */
export const placeScript = (directory: string, source: string, databaseSocket: string): string =>
  [
    "set -euo pipefail",
    `cd ${shellWord(directory)}`,
    "mkdir -p source target",
    `ln -f ${shellWord(source)} source/${socketFile}`,
    `ln -f ${shellWord(databaseSocket)} target/${socketFile}`,
    `chown -h ${String(postgresLayout.uid)}:${String(postgresLayout.uid)} source source/${socketFile} target`,
    `chmod 0700 source target`,
    `chmod 0600 source/${socketFile}`,
  ].join("\n");

/**
 * Where sshd makes its end of the way, as a template for mktemp: on the disk of the pods' volumes. A socket's path may
 * have 107 characters, and that of a volume has more, so the socket gets a second name there.
 */
export const remoteEndTemplate = (user: string): string =>
  `${user === "root" ? "/var/lib/kubelet" : "/var/tmp"}/import-XXXXXXXX`;

const makeRemoteEnd = async (host: HostAccess): Promise<string> => {
  const made = await host.runAsUser(["mktemp", "-d", remoteEndTemplate(host.login.user)]);
  if (made.code !== 0) throw new UserError(`host: no directory could be made: ${made.stderr.trim()}`);
  return made.stdout.trim();
};

const waitForSocket = async (
  host: HostAccess,
  socket: string,
  forward: ChildProcessWithoutNullStreams,
): Promise<void> => {
  let said = "";
  forward.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-500)));
  for (let attempt = 0; attempt < 40; attempt += 1) {
    if (forward.exitCode !== null) break;
    if ((await host.run(["test", "-S", socket])).code === 0) return;
  }
  throw new UserError(
    `host: SSH makes no way back for the source: ${said.trim() || "no answer"}; sshd_config must allow it (AllowStreamLocalForwarding yes, AllowTcpForwarding yes or remote)`,
  );
};

/** Where the kubelet keeps the volume for the sockets. @throws UserError when the pod does not start */
const startPod = async (host: HostAccess, database: DatabasePod, prefix: string): Promise<string> => {
  const within = ["-n", database.namespace];
  await host.kubectl(["apply", "-f", "-"], { input: JSON.stringify(benchPod(database, prefix)) });
  const ready = ["wait", "pod", podName, "--for=condition=Ready", `--timeout=${String(readySeconds)}s`];
  await host
    .kubectl([...within, ...ready], { timeoutSeconds: readySeconds + 30 })
    .catch(async (error: unknown) => {
      const why = await host.run(["k3s", "kubectl", ...within, "describe", "pod", podName]);
      const events = why.stdout.split("Events:").at(1)?.trim().split("\n").slice(-3).join("; ") ?? "";
      throw new UserError(`${String(error)}; ${events}`);
    });
  const json = JSON.parse(await host.kubectl([...within, "get", "pod", podName, "-o", "json"])) as PodJson;
  return volumePath(json.metadata.uid, volumeOf(json.spec.containers[0]?.volumeMounts));
};

/** @throws UserError when the pod does not start, or SSH forwards nothing */
export const openWorkbench = async (args: WorkbenchArgs): Promise<Workbench> => {
  const { host, database } = args;
  await remove(host, database);
  const directory = await startPod(host, database, args.prefix);
  const end = await makeRemoteEnd(host);
  const socket = `${end}/source`;
  const forward = host.forwardBack(socket, args.relaySocket);
  const close = async (): Promise<void> => {
    forward.kill();
    await remove(host, database).catch(() => undefined);
    await host.runAsUser(["rm", "-rf", end]);
  };
  try {
    await waitForSocket(host, socket, forward);
    const databaseSocket = `${volumePath(database.uid, database.socketVolume)}/${socketFile}`;
    await host.must(["bash", "-c", placeScript(directory, socket, databaseSocket)]);
    const exec = ["k3s", "kubectl", "-n", database.namespace, "exec", "-i"];
    await host.must([...exec, podName, "--", "bash", "-c", `umask 077; cat > ${benchLayout.passwordFile}`], {
      input: args.passwordLine,
    });
    return {
      spawn: (argv) => host.spawn([...exec, podName, "--", ...argv]),
      space: () => readSpace(host, database),
      applyRoles: (name) => applyRoles(host, database, name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** `2Gi` -> bytes; 0 for what is not written so. */
export const quantityBytes = (quantity: string): number => {
  const match = /^(\d+)(Ki|Mi|Gi|Ti)?$/.exec(quantity.trim());
  const power = ["", "Ki", "Mi", "Gi", "Ti"].indexOf(match?.[2] ?? "");
  return match === null ? 0 : Number(match[1]) * 1024 ** power;
};

const readSpace = async (host: HostAccess, { namespace, pod }: DatabasePod): Promise<Space> => {
  const exec = ["-n", namespace, "exec", pod, "-c", "postgres", "--"];
  const said = await host.kubectl([...exec, "df", "-B1", "--output=avail", dataDirectory(postgresLayout)]);
  // A local volume does not keep to its size; the database does, by what was asked for.
  const claim = [
    "-n",
    namespace,
    "get",
    "pvc",
    "postgres-wal",
    "-o",
    "jsonpath={.spec.resources.requests.storage}",
  ];
  return {
    dataFree: Number(said.trim().split("\n").at(-1)),
    walSize: quantityBytes(await host.kubectl(claim)),
  };
};

/** In the container that applies them to the real one, with the passwords that are mounted there. */
const applyRoles = async (host: HostAccess, { namespace, pod }: DatabasePod, name: string): Promise<void> => {
  const sql = `${postgresLayout.rolesDirectory}/roles.sql`;
  const script = [
    "set -euo pipefail",
    "export PGOPTIONS='-c log_statement=none -c pgaudit.log=none -c log_min_error_statement=panic -c log_min_messages=log -c client_min_messages=warning'",
    `sed 's/\\buserdb\\b/${name}/g' ${sql} | PGHOST=${postgresLayout.socketDirectory} PGUSER=postgres PGDATABASE=postgres PGAPPNAME=platform-import ` +
      "psql --no-psqlrc --quiet --tuples-only --file=- >/dev/null",
  ].join("\n");
  await host.kubectl(["-n", namespace, "exec", pod, "-c", "keeper", "--", "bash", "-c", script], {
    timeoutSeconds: 300,
  });
};
