/**
 * Writes what is made from the config schema: Pulumi.yaml, docs/configuration.md, docs/schema/stack-config.schema.json.
 * `--check` writes nothing and fails when one of them is out of date.
 */

import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { renderProjectFile, renderReference, renderStackFileSchema } from "./lib/config-docs.ts";
import type { Example } from "./lib/config-docs.ts";
import { repositoryPath } from "./lib/repository.ts";
import { replaceFile } from "./lib/write-file.ts";

const example = (): Example => {
  const file = parse(readFileSync(repositoryPath("Pulumi.production.yaml"), "utf8")) as { config: Example };
  return file.config;
};

const documents: Readonly<Record<string, () => string>> = {
  "Pulumi.yaml": renderProjectFile,
  "docs/configuration.md": () => renderReference(example()),
  "docs/schema/stack-config.schema.json": renderStackFileSchema,
};

const check = process.argv.slice(2).includes("--check");
for (const [path, render] of Object.entries(documents)) {
  const file = repositoryPath(path);
  if (check) {
    if (!existsSync(file) || readFileSync(file, "utf8") !== render()) {
      console.error(`${path}: out of date; npm run docs:config`);
      process.exitCode = 1;
    }
  } else {
    console.log(`${path}: ${replaceFile(file, render()) ? "written" : "up to date"}`);
  }
}
