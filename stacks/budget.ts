/** Does what shall run fit on the declared machine? Asked before anything is touched. Pure. */

import type { VpsConfig } from "./config/types.ts";
import { chosenProfile } from "./profiles.ts";
import type { Amount, Part, Profile, ProfileChoice } from "./profiles.ts";

export interface BudgetRow extends Amount {
  readonly part: string;
  /** Undefined for what is no pod. */
  readonly replicas?: number;
  /**
   * Needed only for a while: the largest one counts. When two meet (a release during the restore drill), the job waits
   * until there is room; nothing that serves has to yield.
   */
  readonly transient?: boolean;
}

export interface Budget {
  /** Pods. */
  readonly requests: readonly BudgetRow[];
  /** k3s, the operating system, the kubelet's eviction threshold. */
  readonly reservations: readonly BudgetRow[];
}

/** Above this share of the machine pods leave no room for a restart, a scan, a person. */
const podSharePercent = 80;
/** The kubelet starts to evict below this much free memory. */
const evictionMiB = 200;

const zero: Amount = { cpuMillis: 0, memoryMiB: 0 };

const add = (a: Amount, b: Amount): Amount => ({
  cpuMillis: a.cpuMillis + b.cpuMillis,
  memoryMiB: a.memoryMiB + b.memoryMiB,
});

/** A whole pod of the API. */
const withFront = ({ api, tlsFront }: Profile): Part => ({
  replicas: api.replicas,
  size: add(api.size, tlsFront.size),
});

const total = (row: BudgetRow): Amount => ({
  cpuMillis: row.cpuMillis * (row.replicas ?? 1),
  memoryMiB: row.memoryMiB * (row.replicas ?? 1),
});

/** Sum of the lasting rows and, per resource, the largest transient one. */
export const sumOf = (rows: readonly BudgetRow[]): Amount => {
  const lasting = rows.filter((row) => row.transient !== true).map(total);
  const transient = rows.filter((row) => row.transient === true).map(total);
  const largest = {
    cpuMillis: Math.max(0, ...transient.map((amount) => amount.cpuMillis)),
    memoryMiB: Math.max(0, ...transient.map((amount) => amount.memoryMiB)),
  };
  return add(lasting.reduce(add, zero), largest);
};

/**
 * Everything that wants a share of the machine.
 * @param owner false for a stack on another one's cluster: ingress and reservations are in the owner's budget, and
 *   `vps` is the part of the machine that was set aside for this stack
 */
export const budgetOf = (choice: ProfileChoice, owner: boolean): Budget => {
  const profile = chosenProfile(choice);
  const row = (part: string, { replicas, size }: Part): BudgetRow => ({ part, replicas, ...size });
  const once = (part: string, { replicas, size }: Part): BudgetRow => ({
    part,
    replicas: Math.min(replicas, 1),
    ...size,
    transient: true,
  });
  const pods: readonly BudgetRow[] = [
    row("postgres", profile.postgres),
    row("keeper, beside postgres", profile.keeper),
    row("pgbouncer", profile.pgbouncer),
    row("reloader, beside pgbouncer", profile.reloader),
    row("dragonfly", profile.dragonfly),
    row("redis for queues", profile.redisQueue),
    row("redis for signalling", profile.redisSignalling),
    row("keepers, beside the caches", profile.cacheKeeper),
    row("api", profile.api),
    row("tls, beside the api", profile.tlsFront),
    row("worker", profile.worker),
    row("prometheus", profile.prometheus),
    row("alertmanager", profile.alertmanager),
    row("metrics exporters", profile.exporter),
    row("kube-state-metrics", profile.kubeStateMetrics),
    row("exporter of the drill", profile.drillExporter),
    once("api, one more while it rolls", withFront(profile)),
    once("migration, before it rolls", profile.migration),
    row("backup keeper", profile.backupKeeper),
    row("stream of the log, beside it", profile.logStream),
    once("backup", profile.backup),
    once("restore drill", profile.drill),
    once("maintenance", profile.maintenance),
  ];
  if (!owner) return { requests: pods, reservations: [] };
  return {
    requests: [
      ...pods,
      row("traefik", profile.traefik),
      row("node exporter", profile.nodeExporter),
      { part: "coredns", replicas: 1, cpuMillis: 100, memoryMiB: 70 },
      { part: "metrics-server", replicas: 1, cpuMillis: 100, memoryMiB: 70 },
    ],
    reservations: [
      { part: "k3s and etcd", ...profile.k3s },
      { part: "operating system", ...profile.system },
      { part: "eviction threshold", cpuMillis: 0, memoryMiB: evictionMiB },
    ],
  };
};

const line = (cells: readonly [string, string, string, string]): string =>
  `${cells[0].padEnd(30)}${cells[1].padStart(9)}${cells[2].padStart(10)}${cells[3].padStart(14)}`.trimEnd();

const amountLine = (label: string, amount: Amount): string =>
  line([label, "", String(amount.cpuMillis), String(amount.memoryMiB)]);

/** The table that a refusal shows; also fit to be printed on its own. */
export const renderBudget = (vps: VpsConfig, budget: Budget): string => {
  const rows = [...budget.requests, ...budget.reservations].filter((row) => row.replicas !== 0);
  const pods = sumOf(budget.requests);
  return [
    line(["part", "replicas", "CPU (m)", "memory (MiB)"]),
    ...rows.map((row) => {
      const { cpuMillis, memoryMiB } = total(row);
      const label = row.transient === true ? `(${row.part})` : row.part;
      return line([
        label,
        row.replicas === undefined ? "-" : String(row.replicas),
        String(cpuMillis),
        String(memoryMiB),
      ]);
    }),
    amountLine("pods", pods),
    amountLine(`  allowed: ${String(podSharePercent)} % of the machine`, podAllowance(vps)),
    amountLine("all", add(pods, sumOf(budget.reservations))),
    amountLine("  declared in vps", machine(vps)),
  ].join("\n");
};

const machine = (vps: VpsConfig): Amount => ({ cpuMillis: vps.cpus * 1000, memoryMiB: vps.memoryMiB });

const podAllowance = (vps: VpsConfig): Amount => ({
  cpuMillis: Math.floor((vps.cpus * 1000 * podSharePercent) / 100),
  memoryMiB: Math.floor((vps.memoryMiB * podSharePercent) / 100),
});

const excess = (need: Amount, have: Amount): Amount => ({
  cpuMillis: Math.max(0, need.cpuMillis - have.cpuMillis),
  memoryMiB: Math.max(0, need.memoryMiB - have.memoryMiB),
});

/**
 * What does not fit, with the table, or undefined when everything fits.
 * Rows in parentheses come one at a time, so only the largest is in the sum.
 */
export const checkBudget = (vps: VpsConfig, budget: Budget): string | undefined => {
  const pods = sumOf(budget.requests);
  const overAll = excess(add(pods, sumOf(budget.reservations)), machine(vps));
  const overPods = excess(pods, podAllowance(vps));
  const cpuMillis = Math.max(overAll.cpuMillis, overPods.cpuMillis);
  const memoryMiB = Math.max(overAll.memoryMiB, overPods.memoryMiB);
  if (cpuMillis === 0 && memoryMiB === 0) return undefined;
  const missing = [
    ...(cpuMillis > 0 ? [`${String(cpuMillis)}m CPU`] : []),
    ...(memoryMiB > 0 ? [`${String(memoryMiB)} MiB memory`] : []),
  ];
  return `${missing.join(" and ")} too little\n${renderBudget(vps, budget)}`;
};
