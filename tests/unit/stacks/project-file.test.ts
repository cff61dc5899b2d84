import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import {
  renderProjectFile,
  renderReference,
  renderStackFileSchema,
} from "../../../scripts/lib/config-docs.ts";
import { settingKeys } from "../../../stacks/config/schema.ts";
import { isSecretKey, secretKeys } from "../../../stacks/config/secrets.ts";
import { exampleStacks, readRepositoryFile } from "./examples.ts";

interface Declaration {
  readonly default?: unknown;
  readonly secret?: boolean;
  readonly type?: string;
}

const project = parse(readRepositoryFile("Pulumi.yaml")) as {
  readonly name: string;
  readonly runtime: unknown;
  readonly config: Readonly<Record<string, Declaration>>;
};

const stackFile = (stack: string): Readonly<Record<string, unknown>> =>
  (
    parse(readRepositoryFile(`Pulumi.${stack}.yaml`)) as {
      readonly config: Readonly<Record<string, unknown>>;
    }
  ).config;

describe("Pulumi.yaml", () => {
  it("declares exactly the keys of the schema, and which of them are secret", () => {
    expect(Object.keys(project.config)).toEqual([...settingKeys, ...secretKeys]);
    const secret = Object.entries(project.config).filter(([, declaration]) => declaration.secret === true);
    expect(secret.map(([key]) => key)).toEqual([...secretKeys]);
  });

  it("gives every key the default that stands for not set, and no type: the program reports all at once", () => {
    for (const [key, declaration] of Object.entries(project.config)) {
      expect([key, declaration.default, declaration.type]).toEqual([key, "", undefined]);
    }
  });

  it("runs the program without a TypeScript loader", () => {
    expect(project.name).toBe("platform");
    expect(project.runtime).toEqual({
      name: "nodejs",
      options: { typescript: false, packagemanager: "npm" },
    });
  });
});

describe("what is made from the schema is up to date (npm run docs:config)", () => {
  it("Pulumi.yaml", () => {
    expect(readRepositoryFile("Pulumi.yaml")).toBe(renderProjectFile());
  });

  it("docs/configuration.md", () => {
    expect(readRepositoryFile("docs/configuration.md")).toBe(renderReference(stackFile("production")));
  });

  it("docs/schema/stack-config.schema.json", () => {
    expect(readRepositoryFile("docs/schema/stack-config.schema.json")).toBe(renderStackFileSchema());
  });

  it("the reference names every key and a command for it", () => {
    const text = readRepositoryFile("docs/configuration.md");
    for (const key of [...settingKeys, ...secretKeys]) {
      expect(text, key).toMatch(new RegExp(`pulumi config set (--path '|--secret )?platform:${key}\\b`));
    }
  });

  it("the editor schema knows secrets only as encrypted", () => {
    const schema = JSON.parse(renderStackFileSchema()) as {
      readonly properties: {
        readonly config: { readonly properties: Readonly<Record<string, { readonly required?: unknown }>> };
      };
    };
    for (const key of secretKeys) {
      expect(schema.properties.config.properties[`platform:${key}`]).toMatchObject({ required: ["secure"] });
    }
  });
});

describe("the committed stack files", () => {
  it.each(exampleStacks)("%s switches default providers off", (stack) => {
    expect(stackFile(stack)["pulumi:disable-default-providers"]).toEqual(["kubernetes"]);
  });

  it.each(exampleStacks)("%s holds no secret and no private key", (stack) => {
    const keys = Object.keys(stackFile(stack)).map((key) => key.replace(/^platform:/, ""));
    expect(keys.length).toBeGreaterThan(8);
    expect(keys.filter(isSecretKey)).toEqual([]);
    expect(readRepositoryFile(`Pulumi.${stack}.yaml`)).not.toContain("PRIVATE KEY");
    expect(readRepositoryFile(`Pulumi.${stack}.yaml`)).not.toContain("encryptionsalt");
  });

  it("have names of their own, because two of them may share a host", () => {
    for (const key of ["platform:prefix", "platform:domain"]) {
      const values = exampleStacks.map((stack) => stackFile(stack)[key]);
      expect(new Set(values).size, key).toBe(exampleStacks.length);
    }
    const identifiers = exampleStacks.map(
      (stack) => (stackFile(stack)["platform:cluster"] as { identifier: string }).identifier,
    );
    expect(new Set(identifiers).size).toBe(exampleStacks.length);
  });
});
