import type { RuleFeatures } from "../../components/observability/index.ts";

/** A stack with everything on: the rules that the YAML files beside this one test. */
export const everyRule: RuleFeatures = {
  backup: true,
  stream: true,
  drill: { gapDays: 7 },
  node: true,
  certificates: [
    { name: "postgres-tls", seconds: 100 * 86_400 },
    { name: "pgbouncer-tls", seconds: 200 * 86_400 },
  ],
  jobs: [
    "alertmanager",
    "dragonfly",
    "kube-state-metrics",
    "node",
    "pgbouncer",
    "postgres",
    "prometheus",
    "redis-queue",
    "redis-signalling",
    "restore-drill",
  ],
};
