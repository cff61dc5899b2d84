import type { Alert, RuleGroup } from "./types.ts";

/** After a start of Prometheus nothing is known of the CronJobs until the first scrape. */
const settles = "5m";

/** Seconds since a CronJob last ended well. */
const sinceSuccess = (cronjob: string): string =>
  `time() - max by (namespace, cronjob) (kube_cronjob_status_last_successful_time{cronjob="${cronjob}"})`;
/** The same for a CronJob that never ended well: since it was made. */
const neverSucceeded = (cronjob: string): string =>
  `time() - max by (namespace, cronjob) (kube_cronjob_created{cronjob="${cronjob}"} unless on (namespace, cronjob) kube_cronjob_status_last_successful_time{cronjob="${cronjob}"})`;

const missing = (cronjob: string): string => `absent(kube_cronjob_created{cronjob="${cronjob}"})`;

/** Failed Jobs of a CronJob, unless a later one succeeded. */
const failedRun = (cronjob: string): string =>
  `max by (namespace) (kube_job_status_start_time * on (namespace, job_name) group_left () (kube_job_failed{condition="true", job_name=~"${cronjob}-.*"} == 1))` +
  ` > max by (namespace) (kube_cronjob_status_last_successful_time{cronjob="${cronjob}"} or kube_cronjob_created{cronjob="${cronjob}"})`;

/** The log leaves the machine all the time, and a base backup once a day. */
export const archiveRules: RuleGroup = {
  name: "archive",
  alerts: [
    {
      name: "ArchiveFailing",
      expr: "max by (job) (increase(platform_archiver_failed_total[10m])) > 0 or max by (job) (platform_archiver_failing) > 0",
      holds: "1m",
      severity: "critical",
      summary: "The write-ahead log cannot be archived: what is written now exists on this machine only.",
    },
    {
      name: "ArchiveStale",
      // An idle database archives nothing, and that is right.
      expr: "max by (job) (platform_archiver_last_archived_age_seconds) > 300 and max by (job) (increase(platform_wal_position_bytes[5m])) > 0",
      severity: "critical",
      summary:
        "The last archived piece of the log is {{ $value | humanizeDuration }} old, and the database is being written to.",
    },
    {
      name: "BackupTooOld",
      expr: `${sinceSuccess("backup")} > 26 * 3600 or ${neverSucceeded("backup")} > 26 * 3600 or ${missing("backup")}`,
      holds: settles,
      severity: "critical",
      summary: "There is no base backup of the last 26 hours.",
    },
    {
      name: "WalVerifyNotOK",
      expr: `${failedRun("backup-verify")} or ${sinceSuccess("backup-verify")} > 50 * 3600 or ${neverSucceeded("backup-verify")} > 50 * 3600 or ${missing("backup-verify")}`,
      holds: settles,
      severity: "critical",
      summary:
        "The check of the archive (integrity and timeline) did not end well, or has not run for two days.",
    },
  ],
};

/** Only where the log is also sent while it is being written. */
export const streamRules: RuleGroup = {
  name: "stream",
  alerts: [
    {
      name: "LogStreamDown",
      expr: "max by (job) (platform_wal_streams) == 0",
      holds: "5m",
      severity: "high",
      summary: "The log is stored in finished pieces only: a loss of the machine costs up to a minute.",
    },
  ],
};

const drillAlerts: readonly Alert[] = [
  {
    name: "RestoreDrillStale",
    expr: `${sinceSuccess("restore-drill")} > 31 * 86400 or ${neverSucceeded("restore-drill")} > 31 * 86400 or ${missing("restore-drill")}`,
    holds: settles,
    severity: "high",
    summary: "No restore of the backups has been rehearsed with success for 31 days.",
  },
  {
    name: "RestoreDrillFailed",
    expr: failedRun("restore-drill"),
    severity: "high",
    summary: "The last rehearsed restore failed: the backups may not be of use.",
  },
];

/** Only where the drill is on. */
export const drillRules: RuleGroup = { name: "restore-drill", alerts: drillAlerts };
