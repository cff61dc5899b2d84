import type { RuleFeatures } from "../../components/observability/index.ts";

/** A stack with everything on: the rules that the YAML files beside this one test. */
export const everyRule: RuleFeatures = {
  backup: true,
  stream: true,
  drill: true,
  node: true,
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
  ],
};
