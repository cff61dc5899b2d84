import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { worstAge } from "../../../rig/bench/exposure.ts";
import { plainTable, renderPart, replacePart } from "../../../rig/bench/report.ts";
import { tellData } from "../../../rig/bench/tellData.ts";
import { repository } from "../../../rig/process.ts";

const measured = {
  standIn: true,
  write: { direct: 1000, pooled: 901 },
  manyWrite: { direct: 900, pooled: 990 },
  read: { direct: 10_000, pooled: 8999 },
  paced: { direct: 4, pooled: 4.5 },
  archive: { on: 949, off: 1000 },
  backupMebibytes: 130,
  store: { backup: 50, upload: 200, restore: 81, download: 100 },
  slowStore: { backup: 9, upload: 9.5, restore: 7.9, download: 10 },
  restart: { pooled: 8, direct: 7.5 },
  exposure: { archive: 61.2, stream: 5 },
};

describe("figures of the data layer", () => {
  it("stand beside their aims", () => {
    expect(tellData(measured).map(({ what, ratio, aim, met }) => [what, ratio, aim, met])).toEqual([
      ["pgbench read-write through PgBouncer, 8 clients (median of 5)", "0.901", "within 10 %", "yes"],
      ["pgbench read-write through PgBouncer, 48 clients (median of 5)", "1.100", "within 10 %", "yes"],
      ["pgbench read-only through PgBouncer, 8 clients (median of 5)", "0.900", "within 10 %", "no"],
      ["pgbench read-write through PgBouncer, latency at 400/s (median of 5)", "1.125", "within 10 %", "no"],
      ["pgbench read-write with archiving (stand-in) (median of 5)", "0.949", "below 5 % lost", "no"],
      ["base backup of 130 MiB, store of the rig (stand-in) (median of 5)", "0.250", "", ""],
      ["restore of 130 MiB, store of the rig (stand-in) (median of 5)", "0.810", "at least 80 %", "yes"],
      ["base backup of 130 MiB, store at 10 MB/s (stand-in) (median of 5)", "0.947", "", ""],
      ["restore of 130 MiB, store at 10 MB/s (stand-in) (median of 5)", "0.790", "at least 80 %", "no"],
      ["restart of the database, answer through PgBouncer (stand-in) (median of 5)", "1.067", "", ""],
      [
        "age of the newest stored commit at the worst moment, log archived (once) (stand-in)",
        "",
        "< 75 s",
        "yes",
      ],
      [
        "age of the newest stored commit at the worst moment, log also streamed (once) (stand-in)",
        "",
        "< 5 s",
        "no",
      ],
    ]);
  });

  it("say units", () => {
    expect(plainTable(tellData(measured))).toMatch(/81\.0 MiB\/s +the store delivers 100 MiB\/s +0\.810/);
  });
});

describe("age of the newest stored commit", () => {
  it("counts until a newer one was found", () => {
    const said = "100.5 0\n101 40\n160.25 40\n161 101.5\n180 160\n";
    expect(worstAge(said)).toBe(121);
  });

  it("is unknown when the store got nothing", () => {
    expect(() => worstAge("100.5 0\n101 0\n")).toThrow(
      "the store got no commit while it was watched: 100.5 0",
    );
  });
});

describe("docs/benchmarks.md", () => {
  const document = readFileSync(join(repository, "docs", "benchmarks.md"), "utf8");

  it.each(["program", "data"] as const)("has a place for the part %s, and only that changes", (part) => {
    const written = replacePart(document, part, renderPart(part, tellData(measured), 1.5));
    expect(written).toContain(
      "| restore of 130 MiB, store at 10 MB/s (stand-in) (median of 5) | 7.9 MiB/s |",
    );
    const other = part === "data" ? "program" : "data";
    const inside = new RegExp(`<!-- part: ${other} -->[^]*<!-- end: ${other} -->`);
    expect(inside.exec(written)?.[0]).toBe(inside.exec(document)?.[0]);
    expect(written.startsWith("# Benchmarks\n")).toBe(true);
  });

  it("without that place is refused", () => {
    expect(() => replacePart("# Benchmarks", "data", "")).toThrow(
      "docs/benchmarks.md: the lines <!-- part: data --> and <!-- end: data --> are missing",
    );
  });
});
