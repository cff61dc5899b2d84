/** Do the volumes fit on the disk? Local volumes do not enforce their size, so the sum is checked here. Pure. */

import { defaultWalGiB } from "../../components/data/sizing.ts";
import { when } from "./problems.ts";
import type { Parsed, PartialSettings } from "./schema.ts";

type Data = Parsed<"data">;

/** GiB that the system, images, etcd and its snapshots need beside the volumes. */
const reservedDiskGiB = 8;

/** Volumes with the keys that size them, in GiB. */
const volumes = (s: PartialSettings, { postgres, backup }: Data): readonly (readonly [string, number])[] => [
  ["data.postgres.storageGiB", postgres.storageGiB],
  ["data.postgres.walGiB", postgres.walGiB ?? defaultWalGiB(postgres.storageGiB)],
  ...(backup?.drill.enabled === true
    ? [["data.backup.drill.storageGiB", backup.drill.storageGiB ?? postgres.storageGiB] as const]
    : []),
  ...(s.cache === undefined
    ? []
    : [
        ["cache.redis.queueStorageGiB", s.cache.redis.queueStorageGiB] as const,
        ["cache.redis.signallingStorageGiB", s.cache.redis.signallingStorageGiB] as const,
      ]),
  ...(s.monitoring === undefined ? [] : [["monitoring.storageGiB", s.monitoring.storageGiB] as const]),
];

/** Problems of the volumes with the disk, and with each other. */
export const storage = (s: PartialSettings, data: Data): readonly string[] => {
  const { vps } = s;
  const { postgres, backup } = data;
  const rows = volumes(s, data);
  const sum = rows.reduce((total, [, gib]) => total + gib, 0);
  const free = Math.max(0, (vps?.diskGiB ?? 0) - reservedDiskGiB);
  const list = rows.map(([key, gib]) => `${key} ${String(gib)}`).join(", ");
  const drillGiB = backup?.drill.storageGiB;
  return [
    ...when(
      vps !== undefined && sum > free,
      `vps.diskGiB: ${String(vps?.diskGiB ?? 0)}, of which ${String(reservedDiskGiB)} stay for system, images and snapshots, do not hold the volumes, together ${String(sum)}: ${list}; order a larger disk or lower one of them`,
    ),
    ...when(
      backup?.drill.enabled === true && drillGiB !== undefined && drillGiB < postgres.storageGiB,
      `data.backup.drill.storageGiB: ${String(drillGiB)} is less than data.postgres.storageGiB ${String(postgres.storageGiB)}; a full database could not be restored; remove the key`,
    ),
  ];
};
