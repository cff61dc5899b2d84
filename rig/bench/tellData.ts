/** What was measured of the data layer, told as figures beside their aims. Pure. */
import type { MeasuredData } from "./data.ts";
import { dataScale as scale } from "./dataScale.ts";
import type { Figure } from "./report.ts";

/** Bounds from the project's aims: at least that much of what it is compared with, and seconds. */
const aims = {
  pooled: 0.9,
  pooledLatency: 1.1,
  archived: 0.95,
  restored: 0.8,
  archiveSeconds: 75,
  streamSeconds: 5,
} as const;

/** Of the ratio. */
interface Aim {
  readonly text: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

interface Compared {
  readonly what: string;
  readonly ours: number;
  readonly other: string;
  readonly theirs: number;
  readonly unit: string;
  readonly aim?: Aim;
}

const met = (ratio: number, { atLeast = -Infinity, atMost = Infinity }: Aim): boolean =>
  ratio >= atLeast && ratio <= atMost;

const figure = ({ what, ours, other, theirs, unit, aim }: Compared): Figure => {
  const shown = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
  return {
    what: `${what} (median of ${String(scale.rounds)})`,
    ours: shown(ours),
    against: `${other} ${shown(theirs)}`,
    ratio: (ours / theirs).toFixed(3),
    aim: aim?.text ?? "",
    met: aim === undefined ? "" : met(ours / theirs, aim) ? "yes" : "no",
  };
};

export const tellData = (measured: MeasuredData): readonly Figure[] => {
  const {
    standIn,
    write,
    manyWrite,
    read,
    paced,
    archive,
    store,
    slowStore,
    restart,
    exposure,
    backupMebibytes,
  } = measured;
  const mark = (what: string): string => (standIn ? `${what} (stand-in)` : what);
  const pooled = { text: "within 10 %", atLeast: aims.pooled };
  const restored = { text: "at least 80 %", atLeast: aims.restored };
  const tps = "/s";
  const speed = "MiB/s";
  const size = `${backupMebibytes.toFixed(0)} MiB`;
  const transfers = (name: string, at: MeasuredData["store"]): readonly Figure[] => [
    figure({
      what: mark(`base backup of ${size}, ${name}`),
      ...{ ours: at.backup, other: "the store takes", theirs: at.upload, unit: speed },
    }),
    figure({
      what: mark(`restore of ${size}, ${name}`),
      ...{ ours: at.restore, other: "the store delivers", theirs: at.download, unit: speed, aim: restored },
    }),
  ];
  const age = (how: string, seconds: number, aim: number): Figure => ({
    what: mark(`age of the newest stored commit at the worst moment, log ${how} (once)`),
    ours: `${seconds.toFixed(1)} s`,
    against: "",
    ratio: "",
    aim: `< ${String(aim)} s`,
    met: seconds < aim ? "yes" : "no",
  });
  return [
    figure({
      what: `pgbench read-write through PgBouncer, ${String(scale.clients)} clients`,
      ...{ ours: write.pooled, other: "direct", theirs: write.direct, unit: tps, aim: pooled },
    }),
    figure({
      what: `pgbench read-write through PgBouncer, ${String(scale.manyClients)} clients`,
      ...{ ours: manyWrite.pooled, other: "direct", theirs: manyWrite.direct, unit: tps, aim: pooled },
    }),
    figure({
      what: `pgbench read-only through PgBouncer, ${String(scale.clients)} clients`,
      ...{ ours: read.pooled, other: "direct", theirs: read.direct, unit: tps, aim: pooled },
    }),
    figure({
      what: `pgbench read-write through PgBouncer, latency at ${String(scale.pacedPerSecond)}/s`,
      ...{ ours: paced.pooled, other: "direct", theirs: paced.direct, unit: "ms" },
      aim: { text: pooled.text, atMost: aims.pooledLatency },
    }),
    figure({
      what: mark("pgbench read-write with archiving"),
      ...{ ours: archive.on, other: "without", theirs: archive.off, unit: tps },
      aim: { text: "below 5 % lost", atLeast: aims.archived },
    }),
    ...transfers("store of the rig", store),
    ...transfers(`store at ${String(scale.storeMbit / 8)} MB/s`, slowStore),
    figure({
      what: mark("restart of the database, answer through PgBouncer"),
      ...{ ours: restart.pooled, other: "direct", theirs: restart.direct, unit: "s" },
    }),
    age("archived", exposure.archive, aims.archiveSeconds),
    age("also streamed", exposure.stream, aims.streamSeconds),
  ];
};
