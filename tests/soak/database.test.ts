import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { AppendLoad } from "../e2e/load/append.ts";
import { killRounds, sayRounds } from "../e2e/load/faults.ts";
import { untilHealthy } from "../e2e/support.ts";

const kills = 20;

beforeAll(async () => {
  await untilHealthy(120);
});

describe(`PostgreSQL killed ${String(kills)} times under an append-only load`, () => {
  let load: AppendLoad | undefined;
  afterAll(async () => {
    await load?.remove();
  });

  it("loses no acknowledged write, makes none twice, and is ready again within 60 s each time", async () => {
    load = await AppendLoad.start({ writers: 8, pauseMs: 2 });
    const rounds = await killRounds(kills, load, 60);
    const report = await load.stop();
    sayRounds(rounds, report);
    expect(rounds).toHaveLength(kills);
    expect(report).toMatchObject({ lost: [], twice: [], torn: [], unasked: [] });
    // Without these the load was not there when PostgreSQL died.
    const broken = Object.values(report.broken).reduce((sum, count) => sum + count, 0);
    expect(broken).toBeGreaterThan(kills);
  });
});
