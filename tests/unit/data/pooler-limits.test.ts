import { describe, expect, it } from "vitest";
import { connectionProblem, connectionShares, poolerLimits } from "../../../components/data/poolerLimits.ts";

const total = (args: Parameters<typeof connectionShares>[0]): number =>
  connectionShares(args).reduce((sum, { connections }) => sum + connections, 0);

describe("connections of the database", () => {
  it("are shared out so", () => {
    expect(poolerLimits({ maxConnections: 100, replicas: 2, readers: 0 })).toEqual({
      poolSize: 12,
      lookupPoolSize: 2,
      perProcess: 20,
      processes: 4,
    });
    expect(connectionShares({ maxConnections: 100, replicas: 2, readers: 4 })).toEqual([
      { holder: "reserved for the superuser (keeper, emergencies)", connections: 3 },
      { holder: "migration", connections: 2 },
      { holder: "metrics", connections: 3 },
      { holder: "backup and its checks", connections: 3 },
      { holder: "maintenance jobs", connections: 3 },
      { holder: "people", connections: 8 },
      { holder: "PgBouncer, 4 processes during a rollout", connections: 76 },
    ]);
  });

  const cases = [60, 100, 137, 200, 500].flatMap((maxConnections) =>
    [1, 2, 3].flatMap((replicas) => [0, 3, 10].map((readers) => ({ maxConnections, replicas, readers }))),
  );

  it.each(cases)("never add up to more than there are: %j", (args) => {
    const { processes, perProcess, poolSize, lookupPoolSize } = poolerLimits(args);
    expect(total(args)).toBeLessThanOrEqual(args.maxConnections);
    // By pools, as the facts count: two logins of the application and the look-up.
    expect(args.replicas * (2 * poolSize + lookupPoolSize)).toBeLessThanOrEqual(processes * perProcess);
  });

  it.each(cases.filter((args) => connectionProblem(args) === undefined))(
    "leave the second login a share when the first is busy: %j",
    (args) => {
      const { perProcess, poolSize, lookupPoolSize } = poolerLimits(args);
      expect(perProcess - poolSize - lookupPoolSize).toBeGreaterThanOrEqual(2);
    },
  );

  it("are refused when people would leave the application too few", () => {
    expect(connectionProblem({ maxConnections: 100, replicas: 2, readers: 27 })).toBeUndefined();
    expect(connectionProblem({ maxConnections: 100, replicas: 2, readers: 28 })).toBe(
      "data.postgres.readers: with 28 readers PgBouncer is left with pools of 3 connections, at least 4 are needed; of max_connections 100 there go: reserved for the superuser (keeper, emergencies): 3; migration: 2; metrics: 3; backup and its checks: 3; maintenance jobs: 3; people: 56; PgBouncer, 4 processes during a rollout: 28; remove readers",
    );
  });

  it("stay countable when nothing is left", () => {
    expect(poolerLimits({ maxConnections: 10, replicas: 2, readers: 0 })).toMatchObject({
      perProcess: 0,
      poolSize: 0,
    });
  });
});
