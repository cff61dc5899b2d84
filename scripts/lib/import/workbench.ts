/**
 * The pod in which the copy runs: PostgreSQL's own programs from the platform's image, beside the database on the same
 * node, with both servers as sockets in one of its volumes. It has no network: the source comes through SSH, the target
 * is the database's own socket. So an import opens no port, needs no password of the platform and no line in pg_hba.conf.
 */

import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { dataDirectory, postgresLayout } from "../../../components/data/layout.ts";
import { hardened } from "../../../components/workload/hardened.ts";
import { labels } from "../../../components/workload/labels.ts";
import { prefixed } from "../../../components/workload/names.ts";
import { shellWord } from "../stack-access.ts";
import type { HostAccess } from "../stack-access.ts";
import { UserError } from "../user-error.ts";
import { podName } from "./names.ts";
import type { Space } from "./judge.ts";

/** Paths in the pod. */
export const benchLayout = {
  sockets: "/run/import",
  source: "/run/import/source",
  target: "/run/import/target",
  passwordFile: "/run/import/password",
  scratch: "/tmp/import",
} as const;

const socketFile = ".s.PGSQL.5432";
const readySeconds = 180;
/** A pod that everybody forgot ends by itself. */
const deadlineSeconds = 24 * 3600;
const memoryMiB = 384;

export interface DatabasePod {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly image: string;
  readonly node: string;
  /** The volume that holds the server's socket. */
  readonly socketVolume: string;
}

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

/** Pure. */
export const benchPod = (database: DatabasePod, prefix: string): Readonly<Record<string, unknown>> => {
  const { uid } = postgresLayout;
  const secure = hardened({
    uid,
    fsGroup: uid,
    writablePaths: [
      { path: benchLayout.sockets, sizeMiB: 16 },
      { path: "/tmp", sizeMiB: 256 },
    ],
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: podName,
      namespace: database.namespace,
      labels: labels({ prefix, app: podName, component: "import" }).all,
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      activeDeadlineSeconds: deadlineSeconds,
      terminationGracePeriodSeconds: 5,
      nodeName: database.node,
      securityContext: secure.pod,
      containers: [
        {
          name: podName,
          image: database.image,
          imagePullPolicy: "IfNotPresent",
          // The first process: it waits, and takes in what the programs leave behind.
          command: ["bash", "-c", "trap 'exit 0' TERM; while true; do sleep 3600 & wait $!; done"],
          securityContext: secure.container,
          resources: {
            requests: { cpu: "50m", memory: `${String(memoryMiB)}Mi` },
            limits: { memory: `${String(memoryMiB)}Mi` },
          },
          volumeMounts: secure.mounts,
        },
      ],
      volumes: secure.volumes,
    },
  };
};

/** Where the kubelet keeps an emptyDir, as root on the host sees it. */
export const volumePath = (podUid: string, volume: string): string =>
  `/var/lib/kubelet/pods/${podUid}/volumes/kubernetes.io~empty-dir/${volume}`;

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
const placeScript = (directory: string, source: string, databaseSocket: string): string =>
  [
    "set -euo pipefail",
    `cd ${shellWord(directory)}`,
    "mkdir -p source target",
    source === "" ? ":" : `ln -f ${shellWord(source)} source/${socketFile}`,
    `ln -f ${shellWord(databaseSocket)} target/${socketFile}`,
    `chown -h ${String(postgresLayout.uid)}:${String(postgresLayout.uid)} source source/${socketFile} target`,
    `chmod 0700 source target`,
    `chmod 0600 source/${socketFile}`,
  ].join("\n");

/** Where sshd makes its end: as root in the volume, as another user in a directory of its own on the same disk. */
const remoteEnd = async (host: HostAccess, directory: string): Promise<{ socket: string; link: string }> => {
  if (host.login.user === "root") {
    await host.must(["install", "-d", "-m", "0700", `${directory}/source`]);
    return { socket: `${directory}/source/${socketFile}`, link: "" };
  }
  const made = await host.runAsUser(["mktemp", "-d", "/var/tmp/import-XXXXXXXX"]);
  if (made.code !== 0) throw new UserError(`host: no directory could be made: ${made.stderr.trim()}`);
  const socket = `${made.stdout.trim()}/source`;
  return { socket, link: socket };
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

/** @throws UserError when the pod does not start, or SSH forwards nothing */
export const openWorkbench = async (args: WorkbenchArgs): Promise<Workbench> => {
  const { host, database } = args;
  await remove(host, database);
  const manifest = JSON.stringify(benchPod(database, args.prefix));
  await host.kubectl(["apply", "-f", "-"], { input: manifest });
  await host
    .kubectl(
      [
        "-n",
        database.namespace,
        "wait",
        "pod",
        podName,
        "--for=condition=Ready",
        `--timeout=${String(readySeconds)}s`,
      ],
      { timeoutSeconds: readySeconds + 30 },
    )
    .catch(async (error: unknown) => {
      const why = await host.run(["k3s", "kubectl", "-n", database.namespace, "describe", "pod", podName]);
      const events = why.stdout.split("Events:").at(1)?.trim().split("\n").slice(-3).join("; ") ?? "";
      throw new UserError(`${String(error)}; ${events}`);
    });
  const json = JSON.parse(
    await host.kubectl(["-n", database.namespace, "get", "pod", podName, "-o", "json"]),
  ) as PodJson;
  const directory = volumePath(json.metadata.uid, volumeOf(json.spec.containers[0]?.volumeMounts));
  const end = await remoteEnd(host, directory);
  const forward = host.forwardBack(end.socket, args.relaySocket);
  const close = async (): Promise<void> => {
    forward.kill();
    await remove(host, database).catch(() => undefined);
    if (end.link !== "") await host.runAsUser(["rm", "-rf", end.link.replace(/\/source$/, "")]);
  };
  try {
    await waitForSocket(host, end.socket, forward);
    const databaseSocket = `${volumePath(database.uid, database.socketVolume)}/${socketFile}`;
    await host.must(["bash", "-c", placeScript(directory, end.link, databaseSocket)]);
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

const readSpace = async (host: HostAccess, { namespace, pod }: DatabasePod): Promise<Space> => {
  const paths = [dataDirectory(postgresLayout), postgresLayout.walRoot];
  const exec = ["-n", namespace, "exec", pod, "-c", "postgres", "--"];
  const said = await host.kubectl([...exec, "df", "-B1", "--output=avail,size", ...paths]);
  const [data, wal] = said
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/).map(Number));
  return { dataFree: data?.[0] ?? 0, walSize: wal?.[1] ?? 0 };
};

/** In the container that applies them to the real one, with the passwords that are mounted there. */
const applyRoles = async (host: HostAccess, { namespace, pod }: DatabasePod, name: string): Promise<void> => {
  const sql = `${postgresLayout.rolesDirectory}/roles.sql`;
  const script = [
    "set -euo pipefail",
    "export PGOPTIONS='-c log_statement=none -c log_min_error_statement=panic -c log_min_messages=log -c client_min_messages=warning'",
    `sed 's/\\buserdb\\b/${name}/g' ${sql} | PGHOST=${postgresLayout.socketDirectory} PGUSER=postgres PGDATABASE=postgres PGAPPNAME=platform-import ` +
      "psql --no-psqlrc --quiet --tuples-only --file=- >/dev/null",
  ].join("\n");
  await host.kubectl(["-n", namespace, "exec", pod, "-c", "keeper", "--", "bash", "-c", script], {
    timeoutSeconds: 300,
  });
};
