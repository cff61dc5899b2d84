import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { commands, renderHelp } from "../../../scripts/lib/commands.ts";
import { run } from "../../../scripts/lib/run.ts";
import { replaceFile } from "../../../scripts/lib/write-file.ts";
import { readRepositoryFile, repositoryFile } from "../stacks/examples.ts";

const directory = mkdtempSync(join(tmpdir(), "commands-test-"));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly resolved?: string; readonly integrity?: string; readonly link?: boolean }>
  >;
}

describe("npm scripts", () => {
  it("are all there that the help lists, each with what it may change", () => {
    const { scripts } = JSON.parse(readRepositoryFile("package.json")) as { readonly scripts: object };
    const names = Object.keys(scripts);
    expect(commands.length).toBeGreaterThan(5);
    for (const command of commands) {
      expect(names).toContain(command.name);
      expect(command.changes).not.toBe("");
    }
  });

  it("are shown one per line", () => {
    const list = [
      { name: "a", does: "one thing", changes: "nothing" },
      { name: "long", does: "two", changes: "a file" },
    ];
    expect(renderHelp(list)).toBe(
      "  npm run a     one thing  changes: nothing\n  npm run long  two        changes: a file",
    );
  });
});

describe("package.json and lockfile", () => {
  const manifest = JSON.parse(readRepositoryFile("package.json")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };

  it("pin every direct dependency to one version", () => {
    const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.length).toBeGreaterThan(8);
    for (const [name, version] of versions) expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    expect(manifest.dependencies["@pulumi/command"]).toBe("1.2.1");
  });

  it("hold one copy of the Pulumi SDK", async () => {
    const result = await run(process.execPath, [repositoryFile("scripts/one-pulumi.ts")]);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("name hashes, and no host that packages came from", () => {
    const { packages } = JSON.parse(readRepositoryFile("package-lock.json")) as Lock;
    const entries = Object.entries(packages).filter(([path]) => path !== "");
    expect(entries.length).toBeGreaterThan(100);
    expect(entries.filter(([, entry]) => entry.resolved !== undefined)).toEqual([]);
    expect(entries.filter(([, entry]) => entry.integrity === undefined)).toEqual([]);
  });
});

describe("replaceFile", () => {
  it("keeps the mode, leaves nothing beside it, and knows when there is nothing to do", () => {
    const file = join(directory, "x");
    writeFileSync(file, "old");
    chmodSync(file, 0o640);
    expect([replaceFile(file, "new"), replaceFile(file, "new")]).toEqual([true, false]);
    expect(readFileSync(file, "utf8")).toBe("new");
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(directory)).toEqual(["x"]);
  });

  it("leaves the old text when it cannot write", () => {
    expect(() => replaceFile(join(directory, "no", "such"), "x")).toThrow("ENOENT");
  });
});

describe("run", () => {
  it("hands over input and reports the exit code", async () => {
    const result = await run("sh", ["-c", "cat; echo oops >&2; exit 3"], { input: "in" });
    expect(result).toEqual({ code: 3, stdout: "in", stderr: "oops\n" });
  });

  it("names a program that is not there", async () => {
    await expect(run("no-such-program", [])).rejects.toThrow(
      "no-such-program: not found; install it and put it on PATH",
    );
  });

  it("ends a program that does not", async () => {
    await expect(run("sleep", ["600"], { timeoutSeconds: 0.05 })).rejects.toThrow(
      "sleep: no answer within 0.05 s",
    );
  });
});
