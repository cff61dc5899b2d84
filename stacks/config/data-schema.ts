/** The shape of the settings `data` and `cache`. */

import * as z from "zod";
import { cidr, count, cron, pem, rotation, text, timeZone } from "./fields.ts";
import { isBucket, isHttpsOrigin, isKeyPrefix, isQualifiedName } from "./syntax.ts";

const maintenance = z.strictObject({
  vacuumSchedule: cron.default("30 3 * * 0").describe("When VACUUM (ANALYZE) runs: cron."),
  amcheckSchedule: cron.default("30 4 1 * *").describe("When indexes and tables are checked: cron."),
  timeZone: timeZone.default("Etc/UTC").describe("Time zone of these schedules."),
});

const postgres = z.strictObject({
  storageGiB: count(1, 16_384).describe(
    "Size of the database volume, in GiB. It can be raised (the disk has to have the room), not lowered.",
  ),
  walGiB: count(1, 1024)
    .optional()
    .describe(
      "Size of the write-ahead log's own volume, in GiB. It can be raised, not lowered. Default: a quarter of storageGiB, at least 2, at most 8.",
    ),
  rotation: rotation.describe("Raise it to roll PostgreSQL after a password or certificate was changed."),
  activeAppUser: z
    .enum(["a", "b"])
    .default("a")
    .describe(
      "Which of the roles app_a and app_b API and worker log in as; the other one's password can change meanwhile.",
    ),
  bootstrap: z
    .enum(["initdb", "restore"])
    .default("initdb")
    .describe("What an empty volume becomes: a new database, or the newest backup."),
  imageContents: z
    .array(z.enum(["pgaudit", "walg"]))
    .optional()
    .describe(
      "What images.postgres carries beside PostgreSQL. Only with that override. Default: as the catalogue's image.",
    ),
  readers: z
    .array(
      z.string().regex(/^[a-z][a-z0-9_]{1,30}$/, {
        error: "must be 2 to 31 characters: lower-case letters, digits, underscores, first a letter",
      }),
    )
    .default([])
    .describe("One read-only database role per person."),
  auditedTables: z
    .array(text(isQualifiedName, "must be schema.table in lower case"))
    .min(1)
    .optional()
    .describe(
      "Tables whose every access is logged, where the image carries pgaudit. Default: all of schema public.",
    ),
  maintenance: maintenance.prefault({}).describe("Regular care of the database."),
});

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "must be 64 lower-case hex characters" });

const walgBinary = z.strictObject({
  url: text((v) => /^https:\/\/[^\s?#]+$/.test(v), "must be an https:// URL").describe(
    "Where the bare wal-g binary is downloaded from, once.",
  ),
  sha256: sha256.describe("Its SHA-256."),
});

const drill = z.strictObject({
  enabled: z.boolean().default(true).describe("Restore the newest backup beside production and check it."),
  schedule: cron.default("0 5 * * 0").describe("When: cron, in the time zone of the backup."),
  storageGiB: count(1, 16_384)
    .optional()
    .describe(
      "Size of the volume that is restored to, in GiB, for the time of the drill. Default: data.postgres.storageGiB.",
    ),
});

const backup = z.strictObject({
  endpoint: text(isHttpsOrigin, "must be https://host or https://host:port without a path").describe(
    "URL of the S3 store.",
  ),
  endpointCidrs: z
    .array(cidr)
    .default([])
    .describe("Networks of the store, only when it has a private address; public ones are open on its port."),
  bucket: text(
    isBucket,
    "must be an S3 bucket name: 3 to 63 lower-case letters, digits, dashes, dots",
  ).describe("Bucket for base backups and write-ahead log."),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, { error: "must be a region such as default or eu-central-1" })
    .default("default")
    .describe("Region as the store wants to hear it."),
  pathStyle: z.boolean().default(true).describe("Bucket in the path instead of the host name."),
  prefix: text(isKeyPrefix, "must be a path such as pg18/hc-prod without slash at either end")
    .optional()
    .describe("Path in the bucket, this stack's own. Default: pg<major>/<prefix>."),
  caCertificate: pem.optional().describe("CA of the store, PEM, when no public one signs for it."),
  schedule: cron.default("15 1 * * *").describe("When a base backup is made: cron."),
  timeZone: timeZone.default("Etc/UTC").describe("Time zone of the backup's schedules."),
  retainFull: count(1, 365)
    .default(7)
    .describe("How many full backups are kept, with all that builds on them."),
  deltaMaxSteps: count(0, 100)
    .default(6)
    .describe("How many backups in a row hold only changes before the next full one."),
  networkRateLimitMiBps: count(1, 10_000)
    .optional()
    .describe("Upload limit of a base backup in MiB per second. Default: none."),
  verifySchedule: cron.default("45 2 * * *").describe("When the archived log is checked for gaps: cron."),
  wal: z
    .enum(["archive", "stream"])
    .default("archive")
    .describe(
      "`stream` also sends the write-ahead log while it is being written: a loss costs seconds instead of up to a minute.",
    ),
  binary: walgBinary.optional().describe("wal-g 3.0.9 for an image that carries none; required then."),
  drill: drill.prefault({}).describe("The restore drill."),
});

export const data = z.strictObject({
  postgres: postgres.describe("The database."),
  pgbouncer: z
    .strictObject({
      rotation: rotation.describe(
        "Raise it after pgbouncerStatsPassword was changed; everything else is taken over by a reload.",
      ),
    })
    .prefault({})
    .describe("The connection pool."),
  backup: backup
    .optional()
    .describe("Encrypted backups of the database in an S3 store. Required with handlesPhi."),
});

export const cache = z.strictObject({
  dragonfly: z
    .strictObject({ rotation: rotation.describe("Raise it to roll the cache after a secret was changed.") })
    .prefault({})
    .describe("The cache: what is in it may be lost."),
  redis: z
    .strictObject({
      rotation: rotation.describe("Raise it to roll both Redis servers after a secret was changed."),
      queueStorageGiB: count(1, 1024).default(2).describe("Size of the queue's volume, in GiB."),
      signallingStorageGiB: count(1, 1024)
        .default(1)
        .describe("Size of the volume for video signalling, in GiB."),
    })
    .prefault({})
    .describe("Job queues, and apart from them signalling of video calls."),
});
