/** Rules between the settings of database, backup, caches and monitoring. Pure. */

import { roles } from "../../components/data/layout.ts";
import { catalogue } from "../../components/workload/images.ts";
import { longestGapDays } from "./cron.ts";
import { openedNetworks } from "./network-rules.ts";
import { setCommand, when } from "./problems.ts";
import type { Parsed, PartialSettings } from "./schema.ts";
import { storage } from "./storage-rules.ts";

type Data = Parsed<"data">;
type Backup = NonNullable<Data["backup"]>;

/** What real patient data demands of backups and monitoring. */
export const dataPhi = (s: PartialSettings): readonly string[] => {
  const backup = s.data?.backup;
  return [
    ...when(
      s.data !== undefined && backup === undefined,
      `data.backup: missing, and handlesPhi is true; name a store outside this machine: ${setCommand("data.backup.endpoint")} and so on`,
    ),
    ...when(
      "monitoring" in s && s.monitoring === undefined,
      "monitoring: missing, and handlesPhi is true; say who gets the alerts: pulumi config set --path 'platform:monitoring.receiver.kind' webhook",
    ),
    ...when(
      s.monitoring?.deadMansSwitch === false,
      "monitoring.deadMansSwitch: false, and handlesPhi is true; nobody would notice that the whole machine is gone; remove the key",
    ),
    ...when(
      backup?.drill.enabled === false,
      "data.backup.drill.enabled: false, and handlesPhi is true; a backup that is never restored is none; remove the key",
    ),
    ...when(
      backup !== undefined && backup.retainFull < 2,
      `data.backup.retainFull: ${String(backup?.retainFull ?? "")}, and handlesPhi is true; one damaged backup would be the only one; keep at least 2`,
    ),
  ];
};

const imageRules = ({ postgres, backup }: Data, s: PartialSettings): readonly string[] => {
  const contents = postgres.imageContents;
  const overridden = s.images?.postgres !== undefined;
  const has = (what: "pgaudit" | "walg"): boolean =>
    contents?.includes(what) ?? catalogue.postgres.carries[what];
  const carry = "an image that carries it: images.postgres with data.postgres.imageContents";
  return [
    ...when(
      contents !== undefined && s.images !== undefined && !overridden,
      "data.postgres.imageContents: is set without images.postgres, and the catalogue knows what its own image carries; remove it, or override the image",
    ),
    ...when(
      backup !== undefined && backup.binary === undefined && !has("walg"),
      `data.backup.binary: missing, and the image of PostgreSQL carries no wal-g; ${setCommand("data.backup.binary.url")} and sha256, or take ${carry}`,
    ),
    ...when(
      backup?.binary !== undefined && has("walg"),
      "data.backup.binary: is set, but data.postgres.imageContents says that the image carries wal-g; remove one of them",
    ),
    ...when(
      postgres.auditedTables !== undefined && !has("pgaudit"),
      `data.postgres.auditedTables: is set, but the image carries no pgaudit and nothing would be audited; remove it, or take ${carry}`,
    ),
  ];
};

const repeated = (path: string, values: readonly string[]): readonly string[] =>
  values.flatMap((value, i) =>
    when(values.indexOf(value) !== i, `${path}[${String(i)}]: "${value}" is there twice; remove one`),
  );

/** PostgreSQL keeps the first two for itself; the others mean something in SQL or to PgBouncer. */
const notForPeople = ["postgres", "public", "none", "user", "current_user", "session_user", "admin", "root"];

const readerRules = ({ postgres }: Data): readonly string[] => [
  ...repeated("data.postgres.readers", postgres.readers),
  ...postgres.readers.flatMap((name, i) =>
    when(
      /^(pg_|pgbouncer)/.test(name) || [...notForPeople, ...Object.values<string>(roles)].includes(name),
      `data.postgres.readers[${String(i)}]: "${name}" is a role of the platform or of PostgreSQL; use the person's own name`,
    ),
  ),
  ...repeated("data.postgres.auditedTables", postgres.auditedTables ?? []),
];

const often = (path: string, schedule: string, atMostDays: number, why: string): readonly string[] => {
  const gap = longestGapDays(schedule);
  const rhythm = gap === Infinity ? "never runs" : `can leave ${String(gap)} days between two runs`;
  return when(gap > atMostDays, `${path}: "${schedule}" ${rhythm}; ${why}`);
};

/** A drill has to be at least monthly, whichever day it is on. */
const longestMonth = 31;

const scheduleRules = ({ postgres, backup }: Data): readonly string[] => {
  const { vacuumSchedule, amcheckSchedule } = postgres.maintenance;
  const rare = "run it at least once in 92 days";
  return [
    ...often(
      "data.postgres.maintenance.vacuumSchedule",
      vacuumSchedule,
      longestMonth,
      "run it at least monthly",
    ),
    ...often("data.postgres.maintenance.amcheckSchedule", amcheckSchedule, 92, rare),
    ...(backup === undefined
      ? []
      : [
          ...often("data.backup.schedule", backup.schedule, 1, "make a backup every day"),
          ...often("data.backup.verifySchedule", backup.verifySchedule, 1, "check the log every day"),
          ...often(
            "data.backup.drill.schedule",
            backup.drill.schedule,
            longestMonth,
            "restore at least monthly",
          ),
        ]),
  ];
};

const storeRules = (backup: Backup): readonly string[] => {
  const contabo = backup.endpoint.endsWith(".contabostorage.com");
  return [
    ...when(
      !backup.pathStyle && contabo,
      `data.backup.pathStyle: false, but ${backup.endpoint} knows buckets only in the path; remove the key`,
    ),
    ...when(
      !backup.pathStyle && backup.bucket.includes("."),
      `data.backup.bucket: "${backup.bucket}" has a dot, and with pathStyle false no certificate fits such a host name; rename it or remove pathStyle`,
    ),
  ];
};

/** Problems between keys of `data`, `cache` and `monitoring`, and of these with others. */
export const dataProblems = (s: PartialSettings): readonly string[] => [
  ...(s.handlesPhi === true ? dataPhi(s) : []),
  ...openedNetworks(s),
  ...(s.data === undefined
    ? []
    : [
        ...imageRules(s.data, s),
        ...readerRules(s.data),
        ...scheduleRules(s.data),
        ...(s.data.backup === undefined ? [] : storeRules(s.data.backup)),
        ...when(
          s.data.postgres.bootstrap === "restore" && s.data.backup === undefined,
          'data.postgres.bootstrap: "restore" needs data.backup, where the backup comes from',
        ),
        ...storage(s, s.data),
      ]),
];
