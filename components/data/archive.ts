import type { Call, EnvVar, Size } from "../workload/index.ts";
import type { ArchiveHook } from "./archiveHook.ts";
import { archiveScripts } from "./backupScripts.ts";
import { postgresLayout } from "./layout.ts";
import { walgInstaller, walgSourceEnv, type WalgSource } from "./walgBinary.ts";
import { goMemoryMiB, renderWalgEnv, storeFiles, type WalgSettings } from "./walgEnv.ts";

export interface ArchiveArgs {
  readonly store: WalgSettings;
  readonly source: WalgSource;
  /** The log is also streamed. */
  readonly streams: boolean;
  /** Of the database's container, and of the init container before it. */
  readonly size: Size;
}

/** Seconds after which an unfinished segment is archived too: the most that is lost with the whole machine. */
const archiveTimeoutSeconds = 60;
/** wal-g beside the server, within the server's own memory. */
const pushMemoryMiB = 64;

/** The volume of the store's Secret, and its mount. */
export const storeVolume = {
  volume: { name: "walg", secret: { secretName: storeFiles.secretName, defaultMode: 0o440 } },
  mount: { name: "walg", mountPath: storeFiles.directory, readOnly: true },
} as const;

/**
 * Continuous archiving for the database's pod: every finished piece of the log goes to the store, encrypted. A new
 * cluster refuses a prefix that is in use.
 */
export const archiveHook = ({ store, source, streams, size }: ArchiveArgs): ArchiveHook => {
  const { configDirectory, dataRoot, uid } = postgresLayout;
  const env = (memoryMiB: number): readonly EnvVar[] => [
    ...renderWalgEnv(store, memoryMiB),
    ...walgSourceEnv(source, dataRoot),
  ];
  return {
    confLines: [
      "archive_mode = on",
      `archive_timeout = '${String(archiveTimeoutSeconds)}s'`,
      `archive_command = 'bash ${configDirectory}/archive.sh "%p"'`,
      `restore_command = 'bash ${configDirectory}/fetch-wal.sh "%f" "%p"'`,
    ],
    scripts: archiveScripts(),
    env: env(pushMemoryMiB),
    initEnv: env(goMemoryMiB(size)),
    volumes: [storeVolume.volume],
    mounts: [storeVolume.mount],
    initContainers: walgInstaller(source, uid, { name: "data", mountPath: dataRoot }),
    streams,
  };
};

export interface ArchiveFlowArgs {
  readonly endpoint: string;
  /** Empty: the store has a public address. */
  readonly endpointCidrs: readonly string[];
  /** Where wal-g is downloaded from. Undefined: the image carries it. */
  readonly downloadUrl: string | undefined;
}

const portOf = (url: string): number => Number(new URL(url).port || "443");

/** How the store is reached: by its private networks, or as any public address on its port. */
export const storeCalls = ({ endpoint, endpointCidrs }: ArchiveFlowArgs): readonly Call[] => [
  { service: "dns" },
  endpointCidrs.length === 0
    ? { internetPorts: [portOf(endpoint)] }
    : { addresses: { cidrs: endpointCidrs, port: portOf(endpoint) } },
];

/** Where a missing wal-g is downloaded from; nothing when the image carries it, or the store's own rule covers it. */
const downloadCalls = ({ endpoint, endpointCidrs, downloadUrl }: ArchiveFlowArgs): readonly Call[] => {
  if (downloadUrl === undefined) return [];
  const covered = endpointCidrs.length === 0 && portOf(endpoint) === portOf(downloadUrl);
  return covered ? [] : [{ internetPorts: [portOf(downloadUrl)] }];
};

/** Whom every pod calls that reads or writes the store with a wal-g of its own. */
export const archiveCalls = (args: ArchiveFlowArgs): readonly Call[] => [
  ...storeCalls(args),
  ...downloadCalls(args),
];
