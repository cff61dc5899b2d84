/**
 * The data layer's part of `make bench`: the pooler, archiving, backups, restores and restarts of the database.
 * State held: the host and the store `bench` and the directory .rig/bench, which the caller removes.
 */
import { join } from "node:path";

import { store } from "../services.ts";
import { must, repository, RigStack } from "../stack.ts";
import { backUp, downloadSpeed, fetchSpeed, keepObjects, uploadSpeed } from "./backups.ts";
import type { Bench } from "./client.ts";
import { dataScale as scale } from "./dataScale.ts";
import { exposure, streaming } from "./exposure.ts";
import { freshHost } from "./hosts.ts";
import { interleave, median, say } from "./measure.ts";
import { benchDirectory, benchHost, benchStore } from "./places.ts";
import { latency, prepare, transactions } from "./pgbench.ts";
import { archiving, restart, type Restart } from "./restarts.ts";

interface Ways {
  readonly direct: number;
  readonly pooled: number;
}
/** MiB of the store's objects per second. */
interface Speeds {
  readonly backup: number;
  readonly upload: number;
  readonly restore: number;
  readonly download: number;
}

export interface MeasuredData {
  /** Whether plugins, k3s and wal-g are the rig's own. */
  readonly standIn: boolean;
  /** Transactions per second. */
  readonly write: Ways;
  readonly manyWrite: Ways;
  readonly read: Ways;
  /** Milliseconds of a read-write transaction while the machine is far from busy. */
  readonly paced: Ways;
  /** Transactions per second, with archiving and without. */
  readonly archive: { readonly on: number; readonly off: number };
  /** Size of a base backup in the store, MiB. */
  readonly backupMebibytes: number;
  readonly store: Speeds;
  /** The same with the store as slow as Contabo's. */
  readonly slowStore: Speeds;
  readonly restart: Restart;
  /** Oldest age of the newest commit in the store, seconds. */
  readonly exposure: { readonly archive: number; readonly stream: number };
}

interface Outputs {
  readonly namespaces: { readonly data: string };
  readonly endpoints: Readonly<
    Record<"database" | "pooler", { readonly host: string; readonly port: number; readonly database: string }>
  >;
}

const up = async (stack: RigStack): Promise<void> => {
  const { code, stdout, stderr } = await stack.pulumi(["up", "--yes", "--skip-preview"]);
  if (code !== 0) throw new Error(`the platform did not come up: ${stdout}\n${stderr}`);
};

const benchStack = (): RigStack =>
  new RigStack({ directory: join(benchDirectory, "data"), hostName: benchHost, store: benchStore });

/** The platform with backups and without monitoring, which would scrape in the middle of a run. */
const bringUp = async (stack: RigStack): Promise<Bench> => {
  say("the platform with backups on a bare host");
  await freshHost(benchHost);
  await store(["destroy", benchStore]); // what an interrupted run left there is another system's
  await stack.configure();
  await stack.init();
  await up(stack);
  const { namespaces, endpoints } = (await stack.outputs()) as unknown as Outputs;
  return {
    hostName: benchHost,
    namespace: namespaces.data,
    database: endpoints.database.database,
    direct: endpoints.database,
    pooled: endpoints.pooler,
  };
};

const ways = (bench: Bench, script: "read" | "write", clients: number): Promise<Ways> =>
  interleave(
    {
      direct: () => transactions(bench, "direct", script, { clients }),
      pooled: () => transactions(bench, "pooled", script, { clients }),
    },
    scale.rounds,
    `${script} transactions/s of ${String(clients)} clients`,
  );

const pacedWays = (bench: Bench): Promise<Ways> => {
  const arm = (way: "direct" | "pooled") => () => latency(bench, way, "write", scale.pacedPerSecond);
  return interleave(
    { direct: arm("direct"), pooled: arm("pooled") },
    scale.rounds,
    `ms at ${String(scale.pacedPerSecond)} transactions/s`,
  );
};

/** Backups and restores, each beside the store's own speed with the same objects. */
const speeds = async (bench: Bench, label: string): Promise<Speeds & { readonly mebibytes: number }> => {
  let run = 0;
  const kept = await backUp(bench, `${label}-first`);
  await keepObjects(bench, kept);
  let stored = kept;
  const medians = await interleave(
    {
      upload: () => uploadSpeed(bench, kept),
      backup: async () => {
        stored = await backUp(bench, `${label}-${String((run += 1))}`);
        return stored.mebibytes / stored.seconds;
      },
      download: () => downloadSpeed(bench, stored),
      restore: () => fetchSpeed(bench, stored),
    },
    scale.rounds,
    `MiB/s, ${label}`,
  );
  return { ...medians, mebibytes: stored.mebibytes };
};

/** Every change of archiving is a restart, so the two are measured together; restarts count with archiving on. */
const archiveAndRestarts = async (bench: Bench): Promise<Pick<MeasuredData, "archive" | "restart">> => {
  const restarts: Restart[] = [];
  const arm = (on: boolean) => async (): Promise<number> => {
    await archiving(bench, on);
    const took = await restart(bench);
    say(
      `restart: answered after ${took.pooled.toFixed(1)} s through PgBouncer, ${took.direct.toFixed(1)} s directly`,
    );
    if (on) restarts.push(took);
    await transactions(bench, "direct", "write", { seconds: scale.warmSeconds });
    return transactions(bench, "direct", "write");
  };
  const archive = await interleave({ off: arm(false), on: arm(true) }, scale.rounds, "write transactions/s");
  return {
    archive,
    restart: {
      pooled: median(restarts.map(({ pooled }) => pooled)),
      direct: median(restarts.map(({ direct }) => direct)),
    },
  };
};

/** With the archive alone, then streamed too. */
const exposures = async (stack: RigStack, bench: Bench): Promise<MeasuredData["exposure"]> => {
  say("how old the newest stored commit becomes, archived and streamed");
  const archive = await exposure(bench, scale.archiveSeconds);
  await stack.configure({ "platform:data": { backup: { wal: "stream" } } });
  await up(stack);
  await streaming(bench);
  return { archive, stream: await exposure(bench, scale.streamSeconds) };
};

/** Every figure, of a platform with backups that runs. */
export const measureOn = async (stack: RigStack, bench: Bench): Promise<Omit<MeasuredData, "standIn">> => {
  say("client, tables");
  await prepare(bench);
  const write = await ways(bench, "write", scale.clients);
  const manyWrite = await ways(bench, "write", scale.manyClients);
  const read = await ways(bench, "read", scale.clients);
  const paced = await pacedWays(bench);
  const { mebibytes, ...fast } = await speeds(bench, "store");
  await store(["limit", benchStore, String(scale.storeMbit)]);
  const { mebibytes: _, ...slow } = await speeds(bench, "slow-store");
  await store(["unlimit", benchStore]);
  const rest = await archiveAndRestarts(bench);
  return {
    ...{ write, manyWrite, read, paced, ...rest },
    ...{ backupMebibytes: mebibytes, store: fast, slowStore: slow },
    exposure: await exposures(stack, bench),
  };
};

/** Every figure of the data layer; needs the names of host and store to be free. */
export const measureData = async (): Promise<MeasuredData> => {
  const source = await must(join(repository, "rig", "source.sh"), []);
  const stack = benchStack();
  return { standIn: source === "built", ...(await measureOn(stack, await bringUp(stack))) };
};
