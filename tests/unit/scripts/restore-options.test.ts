import { describe, expect, it } from "vitest";
import { parseOptions, usage } from "../../../scripts/lib/restore/options.ts";

const refused = (...argv: readonly string[]): string => {
  try {
    parseOptions(argv);
  } catch (error: unknown) {
    return (error as Error).message;
  }
  return "accepted";
};

describe("options of restore", () => {
  it("take the newest backup and all of the log unless told otherwise", () => {
    expect(parseOptions(["shop", "scratch"])).toEqual({
      stack: "shop",
      configFile: undefined,
      command: "scratch",
      backup: "LATEST",
      time: undefined,
      overwrite: undefined,
    });
  });

  it("name a backup, a moment and a stack file", () => {
    const backup = "base_000000010000000000000005_D_000000010000000000000002";
    const time = "2026-01-02T03:04:05.123456+01:00";
    const argv = ["shop", "in-place", "--overwrite", "hc", "--backup", backup, "--to-time", time];
    expect(parseOptions([...argv, "--config-file", "x.yaml"])).toEqual({
      stack: "shop",
      configFile: "x.yaml",
      command: "in-place",
      backup,
      time,
      overwrite: "hc",
    });
    expect(parseOptions(["shop", "scratch", "--remove"]).command).toBe("remove-scratch");
  });

  it.each([
    "2026-01-02T03:04:05",
    "2026-01-02",
    "yesterday",
    "2026-13-02T03:04:05Z",
    "2026-01-02T03:04:05Z'; --",
  ])("refuse the moment %s", (time) => {
    expect(refused("shop", "scratch", "--to-time", time)).toBe(
      `--to-time: "${time}" is not a time with its zone, such as 2026-11-23T09:14:25Z`,
    );
  });

  it("refuse a moment that has not come", () => {
    expect(refused("shop", "scratch", "--to-time", "2999-01-01T00:00:00Z")).toBe(
      "--to-time: 2999-01-01T00:00:00Z has not come yet",
    );
  });

  it.each(["LATEST", "base_1", "base_000000010000000000000005; rm -rf /"])("refuse the backup %s", (name) => {
    expect(refused("shop", "scratch", "--backup", name)).toBe(
      `--backup: "${name}" is not the name of a backup; "list" shows them`,
    );
  });

  it.each([
    [["in-place"], "--overwrite: missing; it takes the prefix of the stack whose database is to be replaced"],
    [["scratch", "--overwrite", "hc"], "--overwrite: only with in-place"],
    [["list", "--overwrite", "hc"], "--overwrite: only with in-place"],
    [["list", "--remove"], "--remove: only with scratch"],
    [["in-place", "--overwrite", "hc", "--remove"], "--remove: only with scratch"],
    [["list", "--backup", "base_000000010000000000000005"], "--backup, --to-time: only with a restore"],
    [
      ["scratch", "--remove", "--to-time", "2026-01-02T03:04:05Z"],
      "--backup, --to-time: only with a restore",
    ],
  ])("refuse %j", (argv, message) => {
    expect(refused("shop", ...argv)).toBe(message);
  });

  it.each([[[]], [["shop"]], [["shop", "restore"]], [["shop", "scratch", "more"]]])(
    "show the usage for %j",
    (argv) => {
      expect(refused(...argv)).toBe(usage);
    },
  );

  it("show the usage beside an unknown flag", () => {
    expect(refused("shop", "scratch", "--force")).toMatch(
      /^Unknown option '--force'[^]*usage: npm run restore/,
    );
  });
});
