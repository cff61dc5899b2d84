import { describe, expect, it } from "vitest";
import { budgetOf, checkBudget, renderBudget, sumOf } from "../../../stacks/budget.ts";
import type { Budget } from "../../../stacks/budget.ts";
import { chosenProfile, profiles, systemReserved } from "../../../stacks/profiles.ts";
import type { ProfileChoice } from "../../../stacks/profiles.ts";
import type { ProfileName } from "../../../stacks/config.ts";

const machines = {
  tiny: { cpus: 2, memoryMiB: 4096, diskGiB: 20 },
  small: { cpus: 4, memoryMiB: 8192, diskGiB: 75 },
  medium: { cpus: 6, memoryMiB: 12288, diskGiB: 100 },
  large: { cpus: 8, memoryMiB: 24576, diskGiB: 200 },
} as const satisfies Record<ProfileName, unknown>;

const names = Object.keys(machines) as readonly ProfileName[];
const plain = { workerEnabled: true } as const;
const drill = { enabled: true } as const;
/** Everything a stack can switch on, and the least. */
const all = { app: plain, data: { backup: { wal: "stream", drill } }, monitoring: {} } as const;
const least = { app: plain, data: {} } as const;

describe("profiles", () => {
  it.each(names)("%s fits on the machine it is named for", (name) => {
    expect(checkBudget(machines[name], budgetOf({ profile: name, ...all }, true))).toBeUndefined();
  });

  it("small leaves 1.5 GB free", () => {
    const budget = budgetOf({ profile: "small", ...all }, true);
    const used = sumOf(budget.requests).memoryMiB + sumOf(budget.reservations).memoryMiB;
    expect(machines.small.memoryMiB - used).toBeGreaterThanOrEqual(1536);
  });

  it("grow from one to the next", () => {
    const memory = names.map((name) => sumOf(budgetOf({ profile: name, ...least }, true).requests).memoryMiB);
    expect(memory).toEqual(memory.toSorted((a, b) => a - b));
    expect(new Set(memory).size).toBe(names.length);
  });

  it.each(names)("%s: no limit below its request, one database, one ingress", (name) => {
    const { k3s, system, ...parts } = chosenProfile({ profile: name, ...all });
    const { postgres, traefik } = parts;
    expect([k3s, system]).toEqual([profiles[name].k3s, profiles[name].system]);
    for (const { size } of Object.values(parts)) {
      expect(size.memoryLimitMiB ?? size.memoryMiB).toBeGreaterThanOrEqual(size.memoryMiB);
      expect(size.cpuLimitMillis ?? size.cpuMillis).toBeGreaterThanOrEqual(size.cpuMillis);
    }
    expect([postgres.replicas, traefik.replicas]).toEqual([1, 1]);
  });

  it("follow the stack's own choices", () => {
    const chosen = chosenProfile({
      profile: "large",
      app: { apiReplicas: 5, workerEnabled: false },
      data: {},
    });
    expect([chosen.api.replicas, chosen.worker.replicas]).toEqual([5, 0]);
    expect(
      chosenProfile({ profile: "large", app: { apiReplicas: undefined, workerEnabled: true }, data: {} }).api
        .replicas,
    ).toBe(3);
  });

  it("run backup, drill and monitoring only where they are set", () => {
    const replicas = (choice: Omit<ProfileChoice, "profile">): readonly number[] => {
      const chosen = chosenProfile({ profile: "small", ...choice });
      const { backup, logStream, drill: restore, drillExporter, prometheus, exporter } = chosen;
      const parts = [backup, logStream, restore, drillExporter, prometheus, exporter];
      return parts.map((part) => part.replicas);
    };
    const archived = { wal: "archive", drill: { enabled: false } } as const;
    expect(replicas(least)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(replicas({ ...least, data: { backup: archived } })).toEqual([1, 0, 0, 0, 0, 0]);
    expect(replicas({ ...all, data: { backup: archived } })).toEqual([1, 0, 0, 0, 1, 5]);
    expect(replicas({ ...all, monitoring: undefined })).toEqual([1, 1, 1, 0, 0, 0]);
    expect(replicas(all)).toEqual([1, 1, 1, 1, 1, 5]);
  });

  it("count the largest job once, whatever else comes and goes", () => {
    const requests = (choice: Omit<ProfileChoice, "profile">): number =>
      sumOf(budgetOf({ profile: "tiny", ...choice }, true).requests).memoryMiB;
    const { backupKeeper, drill: restore, api, tlsFront, migration } = profiles.tiny;
    const rolling = api.size.memoryMiB + tlsFront.size.memoryMiB;
    const largest = Math.max(rolling, migration.size.memoryMiB);
    expect(requests({ ...least, data: { backup: { wal: "archive", drill } } }) - requests(least)).toBe(
      backupKeeper.size.memoryMiB + restore.size.memoryMiB - largest,
    );
  });

  it.each(names)("%s reserves less than half of its machine", (name) => {
    expect(systemReserved(name).memoryMiB).toBeLessThan(machines[name].memoryMiB / 2);
    expect(systemReserved(name)).toEqual({
      cpuMillis: profiles[name].k3s.cpuMillis + profiles[name].system.cpuMillis,
      memoryMiB: profiles[name].k3s.memoryMiB + profiles[name].system.memoryMiB,
    });
  });
});

const budget: Budget = {
  requests: [
    { part: "a", replicas: 2, cpuMillis: 300, memoryMiB: 400 },
    { part: "b", replicas: 1, cpuMillis: 100, memoryMiB: 100, transient: true },
    { part: "c", replicas: 1, cpuMillis: 50, memoryMiB: 200, transient: true },
    { part: "off", replicas: 0, cpuMillis: 9000, memoryMiB: 9000 },
  ],
  reservations: [{ part: "system", cpuMillis: 200, memoryMiB: 500 }],
};

describe("checkBudget", () => {
  it("counts the largest of what comes one at a time, per resource", () => {
    expect(sumOf(budget.requests)).toEqual({ cpuMillis: 700, memoryMiB: 1000 });
  });

  it("accepts exactly what is there", () => {
    expect(checkBudget({ cpus: 1, memoryMiB: 1500, diskGiB: 1 }, budget)).toBeUndefined();
  });

  it("refuses one MiB less, with the table", () => {
    expect(checkBudget({ cpus: 1, memoryMiB: 1499, diskGiB: 1 }, budget)).toBe(
      [
        "1 MiB memory too little",
        "part                           replicas   CPU (m)  memory (MiB)",
        "a                                     2       600           800",
        "(b)                                   1       100           100",
        "(c)                                   1        50           200",
        "system                                -       200           500",
        "pods                                          700          1000",
        "  allowed: 80 % of the machine                800          1199",
        "all                                           900          1500",
        "  declared in vps                            1000          1499",
      ].join("\n"),
    );
  });

  it("leaves a fifth of the machine without pods", () => {
    const pods = { requests: [{ part: "a", replicas: 1, cpuMillis: 801, memoryMiB: 10 }], reservations: [] };
    expect(checkBudget({ cpus: 1, memoryMiB: 1000, diskGiB: 1 }, pods)).toMatch(/^1m CPU too little\n/);
  });

  it("names both when both are short", () => {
    expect(checkBudget({ cpus: 0, memoryMiB: 500, diskGiB: 1 }, budget)).toMatch(
      /^900m CPU and 1000 MiB memory too little\n/,
    );
  });

  it("shares nothing with the owner's reservations on a shared cluster", () => {
    const shared = budgetOf({ profile: "small", ...all }, false);
    expect(shared.reservations).toEqual([]);
    expect(shared.requests.map((row) => row.part)).not.toContain("traefik");
    expect(shared.requests.map((row) => row.part)).not.toContain("node exporter");
    expect(renderBudget(machines.small, shared)).toContain("postgres");
  });
});
