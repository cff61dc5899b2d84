/** Alerts as plain data; `index.ts` renders them to Prometheus' rule file. */

/**
 * critical: data is lost, or will be soon, or users are served nothing: wake somebody.
 * high: a promise is broken or will be within days: today.
 * warning: somebody should look this week.
 * none: not an alert about anything (the watchdog).
 */
export type Severity = "critical" | "high" | "warning" | "none";

export interface Alert {
  /** CamelCase; also the heading in docs/runbooks/alerts.md. */
  readonly name: string;
  /** PromQL. Aggregated `by` labels of `allowedLabels` only. */
  readonly expr: string;
  /** How long it has to hold, e.g. `5m`. @default at once */
  readonly holds?: string;
  readonly severity: Severity;
  /** One sentence for a tired person; may name allowed labels and the value, never patient data. */
  readonly summary: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

/**
 * The only labels that an alert may carry out of the cluster. Prometheus drops every other one before it sends
 * (`alert_relabel_configs`), so that no query text, row id or person can travel in a label.
 */
export const allowedLabels = [
  "alertname",
  "severity",
  "job",
  "instance",
  "namespace",
  "pod",
  "container",
  "job_name",
  "cronjob",
  "deployment",
  "node",
  "condition",
  "mountpoint",
  "datname",
  "database",
  "certificate",
  "receiver_name",
] as const;
