import { describe, expect, it } from "vitest";
import { scrapeTarget, type FlowDeclaration } from "../../../components/workload/index.ts";

const flow: FlowDeclaration = {
  layer: "data",
  workload: "pgbouncer",
  selector: { "app.kubernetes.io/name": "pgbouncer" },
  listens: [
    { name: "pgbouncer", port: 6432, encrypted: true, carriesPhi: true },
    { name: "metrics", port: 9127, encrypted: false, carriesPhi: false },
  ],
  calls: [],
};

describe("a scrape target", () => {
  it("takes place, pods and port from the workload's own flow", () => {
    expect(scrapeTarget(flow, { job: "pgbouncer", port: "metrics" })).toEqual({
      job: "pgbouncer",
      layer: "data",
      workload: "data/pgbouncer",
      selector: { "app.kubernetes.io/name": "pgbouncer" },
      portName: "metrics",
      port: 9127,
      path: "/metrics",
      scheme: "http",
      intervalSeconds: 30,
    });
  });

  it("is verified by name where it is encrypted", () => {
    const target = scrapeTarget(flow, {
      job: "pgbouncer",
      port: "metrics",
      path: "/m",
      serverName: "pgbouncer.hc-data.svc",
      intervalSeconds: 60,
    });
    expect(target).toMatchObject({
      scheme: "https",
      serverName: "pgbouncer.hc-data.svc",
      path: "/m",
      intervalSeconds: 60,
    });
  });

  it("must be a port of the workload", () => {
    expect(() => scrapeTarget(flow, { job: "pgbouncer", port: "admin" })).toThrow(
      'data/pgbouncer has no port "admin", it listens on pgbouncer, metrics',
    );
    expect(() => scrapeTarget({ ...flow, listens: [] }, { job: "x", port: "metrics" })).toThrow(
      "listens on nothing",
    );
  });
});
