/** What `images:pin` does, without the process around it. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { catalogue, imageNames, isImageRef } from "../../components/workload/images.ts";
import type { CatalogueEntry, ImageName } from "../../components/workload/images.ts";
import { nearest } from "../../stacks/config/problems.ts";
import { replaceReference } from "./catalogue-edit.ts";
import { resolveTag } from "./registry.ts";
import type { Credentials, Repository } from "./registry.ts";
import { repositoryPath } from "./repository.ts";
import { UserError } from "./user-error.ts";
import { replaceFile } from "./write-file.ts";

const usage = `usage: npm run images:pin -- NAME TAG [--repository HOST/PATH] [--dry-run]

  NAME          an image of the catalogue: ${imageNames.join(", ")}
  TAG           the tag to resolve
  --repository  where to look, when the catalogue has no reference or another one shall be used
  --dry-run     print the line, change nothing
  --catalogue   another source file than components/workload/images.ts

For a private registry set REGISTRY_USERNAME and REGISTRY_PASSWORD.`;

const neededPlatforms = ["linux/amd64", "linux/arm64"];

interface Request {
  readonly name: ImageName;
  readonly tag: string;
  readonly repository: Repository;
  readonly catalogueFile: string;
  readonly dryRun: boolean;
}

const parseRepository = (text: string): Repository => {
  const slash = text.indexOf("/");
  const [host, path] = [text.slice(0, slash), text.slice(slash + 1)];
  if (slash < 1 || path === "" || !/^[a-z0-9._:-]+$/.test(host) || !/^[a-z0-9._/-]+$/.test(path)) {
    throw new UserError(`--repository: "${text}" is not HOST/PATH such as docker.io/library/postgres`);
  }
  return { host, path };
};

/** The reference that a catalogue source holds for an image, read from its text so that any copy can be edited. */
const currentRef = (source: string, name: string): string | undefined =>
  new RegExp(`^\\s*"?${name}"?: \\{\\s*(?:\\n\\s*)?ref:\\s*(?:\\n\\s*)?"([^"]+)"`, "m").exec(source)?.[1];

const parseRequest = (argv: readonly string[]): Request | undefined => {
  let parsed;
  try {
    const string = { type: "string" } as const;
    const flag = { type: "boolean", default: false } as const;
    const options = { repository: string, catalogue: string, "dry-run": flag, help: flag };
    parsed = parseArgs({ args: [...argv], allowPositionals: true, options });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const [name, tag, ...more] = positionals;
  if (name === undefined || tag === undefined || more.length > 0)
    throw new UserError(`NAME and TAG are needed\n\n${usage}`);
  const known = imageNames.find((image) => image === name);
  if (known === undefined) {
    const hint = nearest(name, imageNames);
    throw new UserError(
      `NAME: "${name}" is not in the catalogue; ${hint === undefined ? `known: ${imageNames.join(", ")}` : `did you mean ${hint}?`}`,
    );
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(tag)) throw new UserError(`TAG: "${tag}" is not a tag`);
  const entry: CatalogueEntry = catalogue[known];
  const from = values.repository ?? entry.ref?.split("@")[0]?.replace(/:[^:/]+$/, "");
  if (from === undefined)
    throw new UserError(`${name}: the catalogue has no reference for it; pass --repository HOST/PATH`);
  return {
    name: known,
    tag,
    repository: parseRepository(from),
    catalogueFile: values.catalogue ?? repositoryPath("components/workload/images.ts"),
    dryRun: values["dry-run"],
  };
};

const credentials = (): Credentials | undefined => {
  const { REGISTRY_USERNAME: username, REGISTRY_PASSWORD: password } = process.env;
  return username === undefined || password === undefined ? undefined : { username, password };
};

/**
 * Resolves a tag and writes its digest into the catalogue.
 * @param print gets what a person should read
 * @throws UserError that names what is wrong; nothing was changed then
 */
export const pinImage = async (argv: readonly string[], print: (line: string) => void): Promise<void> => {
  const request = parseRequest(argv);
  if (request === undefined) {
    print(usage);
    return;
  }
  const { name, tag, repository } = request;
  const index = await resolveTag(repository, tag, credentials());
  const missing = neededPlatforms.filter((platform) => !index.platforms.includes(platform));
  if (missing.length > 0) {
    throw new UserError(
      `${name}: the index of ${tag} lacks ${missing.join(", ")}; it has ${index.platforms.join(", ")}; nothing was changed`,
    );
  }
  const ref = `${repository.host}/${repository.path}:${tag}@${index.digest}`;
  if (!isImageRef(ref)) throw new UserError(`${name}: "${ref}" is not a reference that the program accepts`);
  const source = readFileSync(request.catalogueFile, "utf8");
  const old = currentRef(source, name);
  if (old === undefined) {
    print(
      `${name} has no entry to edit; set it per stack:\npulumi config set --path 'platform:images.${name}' ${ref}`,
    );
    return;
  }
  print(`${name}: ${old}\n  -> ${ref}`);
  if (request.dryRun) return;
  const today = new Date().toISOString().slice(0, 10);
  const edited =
    old === ref ? source : replaceReference(source, name, old, ref, `registry (index, asked ${today})`);
  print(
    replaceFile(request.catalogueFile, edited) ? `written: ${request.catalogueFile}` : "nothing to change",
  );
};
