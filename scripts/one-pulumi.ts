/** Fails when more than one copy of @pulumi/pulumi is installed: outputs of one are plain objects to the other. */

import { readFileSync } from "node:fs";
import { repositoryPath } from "./lib/repository.ts";

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

const lock = JSON.parse(readFileSync(repositoryPath("package-lock.json"), "utf8")) as Lock;
const copies = Object.entries(lock.packages).filter(([path]) => path.endsWith("node_modules/@pulumi/pulumi"));
if (copies.length !== 1) {
  const list = copies.map(([path, entry]) => `${path} ${entry.version ?? ""}`).join(", ");
  console.error(
    `error: expected one copy of @pulumi/pulumi, the lockfile has ${String(copies.length)}: ${list}; pin one version`,
  );
  process.exitCode = 1;
}
