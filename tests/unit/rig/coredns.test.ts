import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../../rig/go");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

describe("CoreDNS of the rig", () => {
  const main = read("addons/coredns/main.go");
  const directives = [
    ...(/directives = \[\]string\{([^}]*)\}/.exec(main)?.[1]?.matchAll(/"(\w+)"/g) ?? []),
  ].map((m) => m[1]);

  it("has the plugins of k3s' Corefile and no others", () => {
    const corefile = /\.:53 \{\n(.*?)\n {4}\}/s.exec(read("k3s/manifests/coredns.yaml"))?.[1] ?? "";
    const named = [...corefile.matchAll(/^ {8}(\w+)/gm)].map((m) => m[1]).filter((name) => name !== "import");
    expect([...directives].sort()).toEqual(named.sort());
    expect(named).toContain("kubernetes");
  });

  it("compiles in each plugin whose directive it knows", () => {
    const imported = [...main.matchAll(/_ "github\.com\/coredns\/coredns\/plugin\/(\w+)"/g)].map((m) => m[1]);
    const wanted = directives.map((name) => (name === "prometheus" ? "metrics" : name));
    expect(imported.sort()).toEqual(wanted.sort());
  });
});
