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

const drillJob = "restore-drill";
/** A drill may begin six hours late and take a day. */
const drillSlackDays = 2;

/** The newest success that anything knows of: the verdict itself, the CronJob's, or none since that was made. */
const lastProof = `max(platform_restore_drill_last_success_timestamp_seconds or kube_cronjob_status_last_successful_time{cronjob="${drillJob}"} or kube_cronjob_created{cronjob="${drillJob}"})`;

const drillAlerts = (days: number): readonly Alert[] => [
  {
    name: "RestoreDrillStale",
    expr: `time() - ${lastProof} > ${String(days)} * 86400 or ${missing(drillJob)}`,
    holds: settles,
    severity: "high",
    summary: `No restore of the backups has been rehearsed with success for ${String(days)} days.`,
  },
  {
    name: "RestoreDrillFailed",
    // A drill that was cut off leaves no verdict, only a failed Job. Without labels, so that both are one alert.
    expr: `max(platform_restore_drill_ok) == 0 or max(${failedRun(drillJob)})`,
    severity: "high",
    summary: "The last rehearsed restore failed: the backups may not be of use.",
  },
  {
    name: "RestoreDrillUnreadable",
    expr: `max by (job) (node_textfile_scrape_error{job="${drillJob}"}) > 0`,
    holds: "5m",
    severity: "warning",
    summary: "The verdict of the restore drill is there, but cannot be read as metrics.",
  },
];

/**
 * Only where the drill is on.
 * @param gapDays the most days from one run to the next
 */
export const drillRules = (gapDays: number): RuleGroup => ({
  name: drillJob,
  alerts: drillAlerts(gapDays + drillSlackDays),
});
