import { stringify } from "yaml";
import { archiveRules, drillRules, streamRules } from "./backup.ts";
import { certificateRules, type CertificateEnd } from "./certificates.ts";
import { nodeRules } from "./node.ts";
import { postgresRules } from "./postgres.ts";
import { selfRules } from "./self.ts";
import { cacheRules, poolerRules, redisRules } from "./services.ts";
import type { Alert, RuleGroup } from "./types.ts";
import { workloadRules } from "./workloads.ts";

export type { CertificateEnd } from "./certificates.ts";
export { allowedLabels, type Alert, type RuleGroup, type Severity } from "./types.ts";

/** Which parts run: an alert about a part that does not run would fire for ever, or never. */
export interface RuleFeatures {
  /** The log is archived and base backups are made. */
  readonly backup: boolean;
  /** The log is also sent while it is being written. */
  readonly stream: boolean;
  /** Restores are rehearsed: the most days from one to the next. */
  readonly drill: { readonly gapDays: number } | undefined;
  /** This stack owns the machine. */
  readonly node: boolean;
  /** Of the internal CA. */
  readonly certificates: readonly CertificateEnd[];
  /** Every scrape job, e.g. `pgbouncer`; rules about a program are there when its job is. */
  readonly jobs: readonly string[];
}

/** Where a person finds what to do: a heading of that file. */
export const runbook = "docs/runbooks/alerts.md";

export const ruleGroups = ({
  backup,
  stream,
  drill,
  node,
  certificates,
  jobs,
}: RuleFeatures): readonly RuleGroup[] => [
  selfRules(jobs),
  postgresRules,
  ...(backup ? [archiveRules] : []),
  ...(stream ? [streamRules] : []),
  ...(drill === undefined ? [] : [drillRules(drill.gapDays)]),
  ...(jobs.includes("pgbouncer") ? [poolerRules] : []),
  ...(jobs.includes("redis-queue") ? [redisRules] : []),
  ...(jobs.includes("dragonfly") ? [cacheRules] : []),
  workloadRules,
  ...(certificates.length > 0 ? [certificateRules(certificates)] : []),
  ...(node ? [nodeRules] : []),
];

const renderAlert = ({ name, expr, holds, severity, summary }: Alert): Record<string, unknown> => ({
  alert: name,
  expr,
  ...(holds === undefined ? {} : { for: holds }),
  labels: { severity },
  annotations: { summary, runbook_url: `${runbook}#${name.toLowerCase()}` },
});

/** Prometheus' rule file. */
export const renderRules = (features: RuleFeatures): string =>
  stringify(
    {
      groups: ruleGroups(features).map(({ name, alerts }) => ({
        name,
        interval: "15s",
        rules: alerts.map(renderAlert),
      })),
    },
    { lineWidth: 0 },
  );
