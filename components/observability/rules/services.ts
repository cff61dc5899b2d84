import type { RuleGroup } from "./types.ts";

/** What stands between the application and its data. */
export const poolerRules: RuleGroup = {
  name: "pgbouncer",
  alerts: [
    {
      name: "PgBouncerDown",
      expr: "max by (job) (pgbouncer_up) == 0 or absent(pgbouncer_up)",
      holds: "1m",
      severity: "critical",
      summary: "No PgBouncer answers: the application cannot reach its database.",
    },
    {
      name: "PgBouncerWaiting",
      expr: "sum by (database) (pgbouncer_pools_client_waiting_connections) > 0",
      holds: "5m",
      severity: "warning",
      summary:
        "{{ $value }} clients have been waiting for a connection to {{ $labels.database }} for five minutes.",
    },
  ],
};

/** Queue and signalling: Redis refuses writes instead of forgetting. */
export const redisRules: RuleGroup = {
  name: "redis",
  alerts: [
    {
      name: "RedisDown",
      expr: 'max by (job) (redis_up) == 0 or absent(redis_up{job="redis-queue"})',
      holds: "1m",
      severity: "critical",
      summary: "Redis ({{ $labels.job }}) does not answer.",
    },
    {
      name: "RedisMemoryHigh",
      expr: "max by (job) (redis_memory_used_bytes / (redis_memory_max_bytes > 0)) > 0.8",
      holds: "5m",
      severity: "high",
      summary:
        "{{ $labels.job }} uses {{ $value | humanizePercentage }} of its memory; at 100 % it refuses to take jobs.",
    },
    {
      name: "RedisNotPersisting",
      expr: "min by (job) (redis_aof_last_write_status) == 0 or min by (job) (redis_aof_last_bgrewrite_status) == 0",
      holds: "1m",
      severity: "critical",
      summary:
        "{{ $labels.job }} cannot write its append-only file: jobs would be lost with the next restart.",
    },
  ],
};

/** The cache may forget, but not all the time. */
export const cacheRules: RuleGroup = {
  name: "dragonfly",
  alerts: [
    {
      name: "CacheDown",
      expr: 'max by (job) (up{job="dragonfly"}) == 0 or absent(up{job="dragonfly"})',
      holds: "2m",
      severity: "high",
      summary: "The cache does not answer: the application works, more slowly.",
    },
    {
      name: "CacheEvictions",
      expr: "max by (job) (rate(dragonfly_evicted_keys_total[15m])) > 10",
      holds: "30m",
      severity: "warning",
      summary: "The cache throws away {{ $value | humanize }} entries a second: its memory is too small.",
    },
  ],
};
