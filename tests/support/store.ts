/** Looking into an object store of the rig, and damaging what is in it. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { execute, repository, type Result } from "../../rig/process.ts";
import { store } from "../../rig/services.ts";

/** Keys in the store, with or without what was replaced; the newest version of a key comes first. */
export const keys = async (name: string, prefix: string): Promise<readonly { size: number; key: string }[]> =>
  (await store(["ls", name, prefix]))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [size = "", ...key] = line.split(" ");
      return { size: Number(size), key: key.join(" ") };
    });

const versions = async (name: string, key: string): Promise<readonly string[]> =>
  (await store(["versions", name, key])).split("\n").map((line) => line.split(" ")[1] ?? "");

const storeScript = join(repository, "rig", "store", "store.sh");

/** One byte of an object becomes another one, as a fault in the store would do. Returns what undoes it. */
export const damage = async (name: string, key: string): Promise<() => Promise<void>> => {
  const box = mkdtempSync(join(tmpdir(), "damage-"));
  try {
    const file = join(box, "object");
    const before = await versions(name, key);
    execFileSync("bash", ["-c", '"$0" get "$1" "$2" >"$3"', storeScript, name, key, file]);
    const bytes = readFileSync(file);
    const middle = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
    writeFileSync(file, bytes);
    execFileSync("bash", ["-c", '"$0" put "$1" "$2" <"$3"', storeScript, name, key, file]);
    const [bad] = (await versions(name, key)).filter((version) => !before.includes(version));
    if (bad === undefined) throw new Error(`${key} has no new version`);
    return async () => {
      await store(["erase", name, key, bad]);
    };
  } finally {
    rmSync(box, { recursive: true, force: true });
  }
};

/** An object is no longer there, as a store that lost it would have it. Returns what brings it back. */
export const lose = async (name: string, key: string): Promise<() => Promise<void>> => {
  const before = await versions(name, key);
  await store(["rm", name, key]);
  const [mark] = (await versions(name, key)).filter((version) => !before.includes(version));
  if (mark === undefined) throw new Error(`${key} was not marked as deleted`);
  return async () => {
    await store(["erase", name, key, mark]);
  };
};

/** A command of the store as the user whose credentials the platform has. */
export const asPlatform = (...args: readonly string[]): Promise<Result> =>
  execute(storeScript, args, { env: { STORE_USER: "app" } });

/** Files of the store on this machine that hold a text, of all objects and versions. */
export const filesHolding = async (name: string, text: string): Promise<readonly string[]> => {
  const objects = join(repository, ".rig", "services", `s3_${name}`, "objects");
  const found = await execute("grep", ["-r", "-l", "-F", "-a", "-e", text, objects]);
  if (found.code > 1) throw new Error(`grep in ${objects}: ${found.stderr}`);
  return found.stdout.split("\n").filter((line) => line !== "");
};
