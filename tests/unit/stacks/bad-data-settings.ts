/** Wrong settings of database, backup, caches and monitoring, and the whole text that a person gets to read for each. */

import { expect } from "vitest";
import type { BadSetting } from "./bad-settings.ts";

const sha = "0f3c1e5a7b9d2468ace013579bdf02468ace13579bdf0246813579bdf02468ac";
const ownPostgres = `registry.example.com/postgres:18.6-full@sha256:${sha}`;

/** The secrets of the parts, gone with them. */
const noBackup = {
  "data.backup": undefined,
  postgresBackupPassword: undefined,
  backupEncryptionKey: undefined,
  backupAccessKeyId: undefined,
  backupSecretAccessKey: undefined,
};
const noMonitoring = { monitoring: undefined, alertWebhookUrl: undefined, deadMansSwitchUrl: undefined };

const cronText = 'must be five numeric cron fields such as "15 */6 * * *"';
const zoneText = "must be the name of a time zone such as Etc/UTC or Europe/Berlin";
const imageText = "an image that carries it: images.postgres with data.postgres.imageContents";

const phi: readonly BadSetting[] = [
  [
    "no backup with PHI",
    noBackup,
    [
      "data.backup: missing, and handlesPhi is true; name a store outside this machine: pulumi config set --path 'platform:data.backup.endpoint' VALUE and so on",
    ],
  ],
  [
    "no monitoring with PHI",
    noMonitoring,
    [
      "monitoring: missing, and handlesPhi is true; say who gets the alerts: pulumi config set --path 'platform:monitoring.receiver.kind' webhook",
    ],
  ],
  [
    "nobody outside who watches, with PHI",
    { "monitoring.deadMansSwitch": false, deadMansSwitchUrl: undefined },
    [
      "monitoring.deadMansSwitch: false, and handlesPhi is true; nobody would notice that the whole machine is gone; remove the key",
    ],
  ],
  [
    "no drill with PHI",
    { "data.backup.drill.enabled": false },
    [
      "data.backup.drill.enabled: false, and handlesPhi is true; a backup that is never restored is none; remove the key",
    ],
  ],
  [
    "one backup with PHI",
    { "data.backup.retainFull": 1 },
    [
      "data.backup.retainFull: 1, and handlesPhi is true; one damaged backup would be the only one; keep at least 2",
    ],
  ],
];

const store: readonly BadSetting[] = [
  [
    "store over plain HTTP",
    { "data.backup.endpoint": "http://eu2.contabostorage.com" },
    [
      'data.backup.endpoint: "http://eu2.contabostorage.com" must be https://host or https://host:port without a path',
    ],
  ],
  [
    "store with a path",
    { "data.backup.endpoint": "https://s3.example.com/bucket" },
    [
      'data.backup.endpoint: "https://s3.example.com/bucket" must be https://host or https://host:port without a path',
    ],
  ],
  [
    "store with a login in its URL",
    { "data.backup.endpoint": "https://key:secret@s3.example.com" },
    [
      'data.backup.endpoint: "https://key:secret@s3.example.com" must be https://host or https://host:port without a path',
    ],
  ],
  [
    "no bucket",
    { "data.backup.bucket": undefined },
    ["data.backup.bucket: missing; pulumi config set --path 'platform:data.backup.bucket' VALUE"],
  ],
  ...["Backups", "a", "$(id)", "a b c", "a..b", "10.0.0.1", 'x"; rm'].map((bucket): BadSetting => [
    `bucket ${bucket}`,
    { "data.backup.bucket": bucket },
    [
      `data.backup.bucket: ${JSON.stringify(bucket)} must be an S3 bucket name: 3 to 63 lower-case letters, digits, dashes, dots`,
    ],
  ]),
  ...["/pg18", "pg18/", "a//b", "../x", "a b", "a\nb", "$HOME"].map((prefix): BadSetting => [
    `prefix in the bucket ${JSON.stringify(prefix)}`,
    { "data.backup.prefix": prefix },
    [
      `data.backup.prefix: ${JSON.stringify(prefix)} must be a path such as pg18/hc-prod without slash at either end`,
    ],
  ]),
  [
    "region",
    { "data.backup.region": "eu central" },
    ['data.backup.region: "eu central" must be a region such as default or eu-central-1'],
  ],
  [
    "CA of the store",
    { "data.backup.caCertificate": "ca.pem" },
    ['data.backup.caCertificate: "ca.pem" must be one PEM certificate'],
  ],
  [
    "host style with a store that has none",
    { "data.backup.pathStyle": false },
    [
      "data.backup.pathStyle: false, but https://eu2.contabostorage.com knows buckets only in the path; remove the key",
    ],
  ],
  [
    "dots in a host name",
    {
      "data.backup.pathStyle": false,
      "data.backup.endpoint": "https://s3.example.com",
      "data.backup.bucket": "my.backups",
    },
    [
      'data.backup.bucket: "my.backups" has a dot, and with pathStyle false no certificate fits such a host name; rename it or remove pathStyle',
    ],
  ],
  [
    "public networks of the store",
    { "data.backup.endpointCidrs": ["203.0.113.0/24"] },
    [
      'data.backup.endpointCidrs[0]: "203.0.113.0/24" is public; leave it out, public addresses are open on that port',
    ],
  ],
  [
    "the cluster as the store's network",
    { "data.backup.endpointCidrs": ["10.1.0.0/24", "10.0.0.0/8"] },
    [
      `data.backup.endpointCidrs[1]: "10.0.0.0/8" overlaps the cluster's own networks; name only what is outside of it`,
    ],
  ],
  [
    "private store without its network",
    { "data.backup.endpoint": "https://10.1.2.3:9000", "data.backup.endpointCidrs": ["10.1.3.0/24"] },
    [
      "data.backup.endpointCidrs: does not hold data.backup.endpoint 10.1.2.3, which is private and would not be reachable; pulumi config set --path 'platform:data.backup.endpointCidrs[0]' 10.1.2.3/32",
    ],
  ],
  [
    "no wal-g anywhere",
    { "data.backup.binary": undefined },
    [
      `data.backup.binary: missing, and the image of PostgreSQL carries no wal-g; pulumi config set --path 'platform:data.backup.binary.url' VALUE and sha256, or take ${imageText}`,
    ],
  ],
  [
    "wal-g twice",
    { "images.postgres": ownPostgres, "data.postgres.imageContents": ["walg"] },
    [
      "data.backup.binary: is set, but data.postgres.imageContents says that the image carries wal-g; remove one of them",
    ],
  ],
  [
    "wal-g over plain HTTP",
    { "data.backup.binary.url": "http://example.com/wal-g", "data.backup.binary.sha256": "abc" },
    [
      'data.backup.binary.url: "http://example.com/wal-g" must be an https:// URL',
      'data.backup.binary.sha256: "abc" must be 64 lower-case hex characters',
    ],
  ],
  [
    "retention",
    { "data.backup.retainFull": 0, "data.backup.deltaMaxSteps": -1 },
    ["data.backup.retainFull: 0 must be at least 1", "data.backup.deltaMaxSteps: -1 must be at least 0"],
  ],
  ["log", { "data.backup.wal": "both" }, ['data.backup.wal: "both" must be one of archive, stream']],
  [
    "rate",
    { "data.backup.networkRateLimitMiBps": 0.5 },
    ["data.backup.networkRateLimitMiBps: 0.5 must be a whole number"],
  ],
];

const schedules: readonly BadSetting[] = [
  ["backup schedule", { "data.backup.schedule": "@daily" }, [`data.backup.schedule: "@daily" ${cronText}`]],
  [
    "Sunday as 7",
    { "data.backup.drill.schedule": "0 5 * * 7" },
    [`data.backup.drill.schedule: "0 5 * * 7" ${cronText}`],
  ],
  [
    "weekly backup",
    { "data.backup.schedule": "15 1 * * 0" },
    ['data.backup.schedule: "15 1 * * 0" can leave 7 days between two runs; make a backup every day'],
  ],
  [
    "backup on odd days",
    { "data.backup.schedule": "15 1 */2 * *" },
    ['data.backup.schedule: "15 1 */2 * *" can leave 2 days between two runs; make a backup every day'],
  ],
  [
    "check of the log on working days",
    { "data.backup.verifySchedule": "45 2 * * 1-5" },
    ['data.backup.verifySchedule: "45 2 * * 1-5" can leave 3 days between two runs; check the log every day'],
  ],
  [
    "drill that skips months",
    { "data.backup.drill.schedule": "0 5 31 * *" },
    ['data.backup.drill.schedule: "0 5 31 * *" can leave 61 days between two runs; restore at least monthly'],
  ],
  [
    "vacuum on 30 February",
    { "data.postgres.maintenance.vacuumSchedule": "0 3 30 2 *" },
    ['data.postgres.maintenance.vacuumSchedule: "0 3 30 2 *" never runs; run it at least monthly'],
  ],
  [
    "amcheck once a year",
    { "data.postgres.maintenance.amcheckSchedule": "0 3 1 1 *" },
    [
      'data.postgres.maintenance.amcheckSchedule: "0 3 1 1 *" can leave 366 days between two runs; run it at least once in 92 days',
    ],
  ],
  ...["Berlin", "europe/berlin", "+01:00", "Europe/Berlin; id", "UTC+1"].map((zone): BadSetting => [
    `time zone ${zone}`,
    { "data.backup.timeZone": zone, "data.postgres.maintenance.timeZone": zone },
    [
      `data.postgres.maintenance.timeZone: "${zone}" ${zoneText}`,
      `data.backup.timeZone: "${zone}" ${zoneText}`,
    ],
  ]),
];

const postgres: readonly BadSetting[] = [
  [
    "contents of an image that is not overridden",
    { "data.postgres.imageContents": ["pgaudit"] },
    [
      "data.postgres.imageContents: is set without images.postgres, and the catalogue knows what its own image carries; remove it, or override the image",
    ],
  ],
  [
    "contents that nobody knows",
    { "images.postgres": ownPostgres, "data.postgres.imageContents": ["postgis"] },
    ['data.postgres.imageContents[0]: "postgis" must be one of pgaudit, walg'],
  ],
  [
    "audit without pgaudit",
    { "data.postgres.auditedTables": ["public.patients"] },
    [
      `data.postgres.auditedTables: is set, but the image carries no pgaudit and nothing would be audited; remove it, or take ${imageText}`,
    ],
  ],
  ...["patients", "public.Patients", "public.a;drop table b", 'public."x"'].map((table): BadSetting => [
    `audited table ${table}`,
    { "data.postgres.auditedTables": [table] },
    [`data.postgres.auditedTables[0]: ${JSON.stringify(table)} must be schema.table in lower case`],
  ]),
  ...["Jane", "j", "jane-doe", "jane doe", "jane';--", "a".repeat(32), "1jane"].map((name): BadSetting => [
    `reader ${name}`,
    { "data.postgres.readers": [name], postgresReaderPasswords: JSON.stringify({ [name]: "x".repeat(20) }) },
    [
      expect.stringMatching(
        /^data\.postgres\.readers\[0\]: ".*" must be 2 to 31 characters: lower-case letters, digits, underscores, first a letter$/,
      ) as string,
    ],
  ]),
  ...[
    "postgres",
    "migration",
    "app_a",
    "pg_monitor",
    "pgbouncer_admin",
    "maintenance",
    "auditor",
    "reader",
    "public",
  ].map((name): BadSetting => [
    `reader with the role ${name}`,
    { "data.postgres.readers": [name], postgresReaderPasswords: JSON.stringify({ [name]: "x".repeat(20) }) },
    [
      `data.postgres.readers[0]: "${name}" is a role of the platform or of PostgreSQL; use the person's own name`,
    ],
  ]),
  [
    "reader twice",
    {
      "data.postgres.readers": ["jane_doe", "john_roe", "jane_doe"],
      postgresReaderPasswords: `{"jane_doe":"${"x".repeat(20)}","john_roe":"${"y".repeat(20)}"}`,
    },
    ['data.postgres.readers[2]: "jane_doe" is there twice; remove one'],
  ],
  [
    "restore from nowhere",
    { ...noBackup, handlesPhi: false, "data.postgres.bootstrap": "restore" },
    ['data.postgres.bootstrap: "restore" needs data.backup, where the backup comes from'],
  ],
  [
    "application user",
    { "data.postgres.activeAppUser": "c" },
    ['data.postgres.activeAppUser: "c" must be one of a, b'],
  ],
  [
    "storage",
    { "data.postgres.storageGiB": 200 },
    [
      "vps.diskGiB: 75, of which 8 stay for system, images and snapshots, do not hold the volumes, together 421: data.postgres.storageGiB 200, data.postgres.walGiB 8, data.backup.drill.storageGiB 200, cache.redis.queueStorageGiB 2, cache.redis.signallingStorageGiB 1, monitoring.storageGiB 10; order a larger disk or lower one of them",
    ],
  ],
  [
    "one GiB of storage too much",
    {
      "data.postgres.walGiB": 4,
      "data.backup.drill.storageGiB": 24,
      "cache.redis": { queueStorageGiB: 5, signallingStorageGiB: 4 },
      "monitoring.storageGiB": 11,
    },
    [
      "vps.diskGiB: 75, of which 8 stay for system, images and snapshots, do not hold the volumes, together 68: data.postgres.storageGiB 20, data.postgres.walGiB 4, data.backup.drill.storageGiB 24, cache.redis.queueStorageGiB 5, cache.redis.signallingStorageGiB 4, monitoring.storageGiB 11; order a larger disk or lower one of them",
    ],
  ],
  [
    "no room for a restored database",
    { "data.backup.drill.storageGiB": 19 },
    [
      "data.backup.drill.storageGiB: 19 is less than data.postgres.storageGiB 20; a full database could not be restored; remove the key",
    ],
  ],
];

const monitoring: readonly BadSetting[] = [
  [
    "no receiver",
    { "monitoring.receiver": undefined },
    ["monitoring.receiver: missing; pulumi config set --path 'platform:monitoring.receiver' VALUE"],
  ],
  [
    "unknown receiver",
    { "monitoring.receiver": { kind: "pager" } },
    ['monitoring.receiver.kind: "pager" must be one of webhook, smtp'],
  ],
  [
    "mail without its keys",
    { "monitoring.receiver": { kind: "smtp", host: "mail.example.com", username: "a\nb" } },
    [
      "monitoring.receiver.from: missing; pulumi config set --path 'platform:monitoring.receiver.from' VALUE",
      "monitoring.receiver.to: missing; pulumi config set --path 'platform:monitoring.receiver.to' VALUE",
      'monitoring.receiver.username: "a\\nb" must be printable characters without spaces',
    ],
  ],
  [
    "key of the other receiver",
    { "monitoring.receiver": { kind: "webhook", host: "mail.example.com" } },
    ["monitoring.receiver.host: unknown key; known here: kind"],
  ],
  [
    "mail without its password",
    {
      "monitoring.receiver": {
        kind: "smtp",
        host: "10.9.9.9",
        from: "platform@example.com",
        to: "ops@example.com",
        username: "platform",
      },
    },
    [
      "monitoring.receiverCidrs: does not hold monitoring.receiver.host 10.9.9.9, which is private and would not be reachable; pulumi config set --path 'platform:monitoring.receiverCidrs[0]' 10.9.9.9/32",
      "alertWebhookUrl: is set, but only used with monitoring.receiver webhook; remove it: pulumi config rm platform:alertWebhookUrl",
      "alertSmtpPassword: missing; pulumi config set --secret platform:alertSmtpPassword",
    ],
  ],
  [
    "image of a running part without a default",
    { "images.alertmanager": undefined, "images.redisExporter": undefined },
    [
      "images.alertmanager: missing, there is no public default; pulumi config set --path 'platform:images.alertmanager' registry/repository:tag@sha256:<64 hex>",
      "images.redisExporter: missing, there is no public default; pulumi config set --path 'platform:images.redisExporter' registry/repository:tag@sha256:<64 hex>",
    ],
  ],
  [
    "retention of metrics",
    { "monitoring.retentionDays": 0 },
    ["monitoring.retentionDays: 0 must be at least 1"],
  ],
];

export const badDataSettings: readonly BadSetting[] = [
  ...phi,
  ...store,
  ...schedules,
  ...postgres,
  ...monitoring,
];
