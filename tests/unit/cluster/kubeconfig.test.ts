import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { renderKubeconfig } from "../../../components/cluster/kubeconfig.ts";

/** As k3s writes it: everything is called "default", and so may be text inside the base64 fields. */
const k3sYaml = (changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  apiVersion: "v1",
  clusters: [
    {
      name: "default",
      cluster: { server: "https://127.0.0.1:6443", "certificate-authority-data": "Q0FkZWZhdWx0" },
    },
  ],
  contexts: [{ name: "default", context: { cluster: "default", user: "default" } }],
  "current-context": "default",
  kind: "Config",
  users: [{ name: "default", user: { "client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ" } }],
  ...changes,
});
const render = (changes: Readonly<Record<string, unknown>> = {}, address = "k8s.example.com") =>
  renderKubeconfig(stringify(k3sYaml(changes)), address, "hc-test");

describe("renderKubeconfig", () => {
  it("replaces address and names, and keeps the CA and the credentials", () => {
    expect(parse(render())).toEqual({
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "hc-test",
          cluster: { server: "https://k8s.example.com:6443", "certificate-authority-data": "Q0FkZWZhdWx0" },
        },
      ],
      users: [
        { name: "hc-test", user: { "client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ" } },
      ],
      contexts: [{ name: "hc-test", context: { cluster: "hc-test", user: "hc-test" } }],
      "current-context": "hc-test",
    });
  });

  it("puts an IPv6 address in brackets", () => {
    expect(render({}, "2001:db8::1")).toContain("server: https://[2001:db8::1]:6443\n");
  });

  it.each([
    [{ clusters: [] }, "clusters does not have exactly one entry"],
    [{ users: undefined }, "users does not have exactly one entry"],
    [{ clusters: [{ name: "default", cluster: { server: "x" } }] }, "certificate-authority-data is missing"],
    [
      { users: [{ user: { "client-certificate-data": "Q0VSVA==", "client-key-data": "- ! -" } }] },
      "client-key-data",
    ],
    [{ users: [{ user: "x" }] }, "users[0].user is not a map"],
  ])("refuses %j", (changes, message) => {
    expect(() => render(changes)).toThrow(message);
  });

  it("does not show what it refuses", () => {
    expect(() => renderKubeconfig("PRIVATE: [", "a", "b")).toThrow(/^(?!.*PRIVATE).*it is not YAML$/);
    expect(() => renderKubeconfig("PRIVATE", "a", "b")).toThrow(/^(?!.*PRIVATE).*the document is not a map$/);
  });
});
