import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AppendLoad } from "./load/append.ts";
import { killRounds, sayRounds } from "./load/faults.ts";
import { sql, untilHealthy } from "./support.ts";

beforeAll(async () => {
  await untilHealthy(120);
});

describe("PostgreSQL killed under an append-only load", () => {
  let load: AppendLoad | undefined;
  afterAll(async () => {
    await load?.remove();
  });

  it("loses no acknowledged write, makes none twice, and is ready again within 60 s each time", async () => {
    load = await AppendLoad.start();
    const rounds = await killRounds(6, load, 60);
    const report = await load.stop();
    sayRounds(rounds, report);
    expect(rounds.map((round) => round.kill)).toEqual([
      ...["backend", "postmaster", "pod"],
      ...["backend", "postmaster", "pod"],
    ]);
    expect(report).toMatchObject({ lost: [], twice: [], torn: [], unasked: [] });
    expect(report.acknowledged).toBeGreaterThan(100);
    // Without these the load was not there when PostgreSQL died.
    expect(Object.keys(report.broken)).not.toEqual([]);
  });

  it("would notice a lost entry, a second one and half a transaction", async () => {
    load = await AppendLoad.start({ writers: 2 });
    await sql("DELETE FROM load_entries WHERE writer = 0 AND number = 1");
    await sql("INSERT INTO load_entries (writer, number) VALUES (1, 1)");
    const report = await load.stop();
    expect(report).toMatchObject({ lost: ["0 1"], twice: ["1 1"], torn: ["0 1"] });
  });
});
