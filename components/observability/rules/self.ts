import type { Alert, RuleGroup } from "./types.ts";

/** Fires always: an outside service alarms when it stops coming. One node cannot report its own death. */
export const watchdog: Alert = {
  name: "Watchdog",
  expr: "vector(1)",
  severity: "none",
  summary: "Monitoring works. The receiver of this alert must raise the alarm when it stays away.",
};

/**
 * Monitoring of monitoring.
 * @param jobs every scrape job that must exist
 */
export const selfRules = (jobs: readonly string[]): RuleGroup => ({
  name: "monitoring",
  alerts: [
    watchdog,
    {
      name: "TargetDown",
      expr: "min by (job, instance) (up) == 0",
      holds: "5m",
      severity: "high",
      summary: "{{ $labels.job }} ({{ $labels.instance }}) gives no metrics: its alerts are blind.",
    },
    {
      name: "TargetMissing",
      expr: jobs.map((job) => `absent(up{job="${job}"})`).join(" or "),
      holds: "10m",
      severity: "high",
      summary: "No pod of {{ $labels.job }} is there to be watched.",
    },
    {
      name: "MonitoringConfigRefused",
      expr: "min by (job) (prometheus_config_last_reload_successful) == 0",
      holds: "5m",
      severity: "high",
      summary: "Prometheus refuses its new configuration and goes on with the old one.",
    },
    {
      name: "RuleEvaluationFailing",
      expr: "max by (job) (increase(prometheus_rule_evaluation_failures_total[5m])) > 0",
      severity: "high",
      summary: "At least one alert rule cannot be evaluated.",
    },
    {
      name: "NotificationsFailing",
      expr: "max by (receiver_name) (increase(alertmanager_notifications_failed_total[10m])) > 0",
      severity: "critical",
      summary: "Alerts for receiver {{ $labels.receiver_name }} are not accepted.",
    },
  ],
});
