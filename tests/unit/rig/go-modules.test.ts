import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Go programs around Kubernetes share the packages that they have in common: each is compiled once, the largest part of
 * a cold build. Go does so only where the module's version, everything below it and the flags are the same.
 */
const root = resolve(import.meta.dirname, "../../../rig");

const sharing = [
  "go/addons/coredns",
  "go/addons/local-path",
  "go/addons/metrics-server",
  "go/containerd",
  "go/k3s",
  "go/kube-state-metrics",
  "go/kubernetes",
  "go/plugins",
] as const;

/** Modules of the rig that need not agree with those, and why. */
const apart: Readonly<Record<string, string>> = {
  "go/addons/pause": "standard library only",
  "go/crane": "official images only, never in a cold build",
  "go/dragonfly": "standard library only",
  "go/langhost": "SDK of another age",
  "go/minio": "no Kubernetes client",
  "go/pulumi": "no Kubernetes client",
  "go/receiver": "standard library only",
  "go/traefik": "the versions of its own release",
  "go/traefik/dynamic-ext": "stub without dependencies",
  "go/walg": "compiled with cgo",
  "images/ocipack": "standard library only",
};

/** Modules whose versions may differ among those that share, and why. */
const exceptions: Readonly<Record<string, string>> = {
  "go.etcd.io/bbolt": "containerd needs 1.5, etcd 3.6 is made for 1.4",
  "k8s.io/cri-api": "containerd 2.4 knows signals that the interface of 1.36 lacks",
};

interface GoMod {
  /** Versions by module, direct and indirect. */
  readonly required: ReadonlyMap<string, string>;
  /** `module version` that stands in, by module. */
  readonly replaced: ReadonlyMap<string, string>;
}

/** Reads `require` and `replace`, as blocks and as single lines. */
const parseGoMod = (text: string): GoMod => {
  const required = new Map<string, string>();
  const replaced = new Map<string, string>();
  let block = "";
  for (const line of text.split("\n").map((l) => l.replace(/\s*\/\/.*$/, "").trim())) {
    if (line === ")") block = "";
    const opened = /^(\w+) \($/.exec(line);
    if (opened !== null) block = opened[1] ?? "";
    const [verb = "", ...words] = block === "" ? line.split(" ") : [block, ...line.split(" ")];
    const [module = "", second = ""] = words;
    if (opened !== null || module === "") continue;
    if (verb === "require") required.set(module, second);
    if (verb === "replace") replaced.set(module, words.slice(words.indexOf("=>") + 1).join(" "));
  }
  return { required, replaced };
};

const read = (file: string): string => readFileSync(join(root, file), "utf8");

const mods = new Map(sharing.map((name) => [name, parseGoMod(read(`${name}/go.mod`))]));

/** `module: version (who), version (who)` of each module that these go.mod files require in more than one version. */
const disagreements = (of: ReadonlyMap<string, GoMod>): string[] => {
  const users = new Map<string, Map<string, string[]>>();
  for (const [name, { required }] of of)
    for (const [module, version] of required) {
      const versions = users.get(module) ?? new Map<string, string[]>();
      users.set(module, versions.set(version, [...(versions.get(version) ?? []), name]));
    }
  return [...users]
    .filter(([, versions]) => versions.size > 1)
    .map(([module, versions]) => {
      const told = [...versions].map(([version, names]) => `${version} (${names.join(", ")})`);
      return `${module}: ${told.sort().join(", ")}`;
    })
    .sort();
};

describe("Go modules of the rig", () => {
  it("are all named here, as sharing or apart", () => {
    const found = globSync(["go/**/go.mod", "images/*/go.mod"], { cwd: root }).map((file) => dirname(file));
    expect(found.sort()).toEqual([...sharing, ...Object.keys(apart)].sort());
  });

  it("reads both forms of go.mod", () => {
    const mod = parseGoMod(
      "module x\n\nrequire a.b/c v1.0.0 // indirect\n\nrequire (\n\td.e/f v2.0.0+incompatible // indirect\n)\n\n" +
        "exclude a.b/c v1.1.0\n\nreplace (\n\td.e/f => g.h/i v0.1.0\n)\nreplace j.k/l v1.0.0 => ./m\n",
    );
    expect([...mod.required]).toEqual([
      ["a.b/c", "v1.0.0"],
      ["d.e/f", "v2.0.0+incompatible"],
    ]);
    expect([...mod.replaced]).toEqual([
      ["d.e/f", "g.h/i v0.1.0"],
      ["j.k/l", "./m"],
    ]);
  });

  it("have one version of every module that two of them require", () => {
    expect(mods.get("go/plugins")?.required.get("k8s.io/client-go")).toMatch(/^v0\.\d+\.\d+$/);
    const found = disagreements(mods);
    expect(found.filter((line) => exceptions[line.split(":")[0] ?? ""] === undefined)).toEqual([]);
    expect(found.map((line) => line.split(":")[0])).toEqual(Object.keys(exceptions).sort());
  });

  it("replace a module by no other version than the one that they require", () => {
    const found = [...mods].flatMap(([name, { required, replaced }]) =>
      [...replaced]
        .filter(([module, by]) => required.has(module) && by !== `${module} ${required.get(module) ?? ""}`)
        .map(([module, by]) => `${name}: ${module} ${required.get(module) ?? ""} => ${by}`),
    );
    expect(found).toEqual([]);
  });

  it("are compiled with -trimpath everywhere", () => {
    const lines = globSync("{*,*/*}.sh", { cwd: root })
      .flatMap((file) =>
        read(file)
          .split("\n")
          .map((line) => `${file}: ${line.trim()}`),
      )
      .filter((line) => /\bgo (build|run|test) [-.]/.test(line));
    expect(lines.length).toBeGreaterThan(8);
    expect(lines.filter((line) => !line.includes("-trimpath"))).toEqual([]);
  });
});
