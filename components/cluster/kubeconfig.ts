import { parse } from "yaml";
import { renderScript } from "../remote/index.ts";
import { paths } from "./paths.ts";
import { toYaml } from "./yaml.ts";

/** Reads the admin kubeconfig. Its input hardly ever changes, so an edit of the cluster does not make the provider unknown. */
export const renderReadKubeconfig = (prefix: string, generation: number): string =>
  renderScript({
    phase: "kubeconfig",
    prefix,
    mode: "apply",
    exclusive: false,
    values: { GENERATION: generation, KUBECONFIG_FILE: paths.kubeconfig },
    parts: [
      `print_kubeconfig() {
  [ -s "$KUBECONFIG_FILE" ] || die 42 "$KUBECONFIG_FILE does not exist; k3s has not started on this host"
  cat -- "$KUBECONFIG_FILE"
}`,
    ],
    steps: ["print_kubeconfig"],
  });

interface Credentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const fail = (what: string): never => {
  // Never show the text: it holds the administrator's private key.
  throw new Error(`the kubeconfig that k3s wrote is not as expected: ${what}`);
};

const asRecord = (value: unknown, what: string): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : fail(`${what} is not a map`);

/** The one entry of a list of named things. */
const only = (doc: Readonly<Record<string, unknown>>, list: string, field: string) => {
  const entries: unknown = doc[list];
  if (!Array.isArray(entries) || entries.length !== 1) return fail(`${list} does not have exactly one entry`);
  return asRecord(asRecord(entries[0], list)[field], `${list}[0].${field}`);
};

const base64 = (record: Readonly<Record<string, unknown>>, field: string): string => {
  const value = record[field];
  return typeof value === "string" && /^[A-Za-z0-9+/]{4,}={0,2}$/.test(value)
    ? value
    : fail(`${field} is missing or not base64`);
};

const parseKubeconfig = (raw: string): Credentials => {
  let doc: unknown;
  try {
    doc = parse(raw);
  } catch {
    return fail("it is not YAML");
  }
  const config = asRecord(doc, "the document");
  const cluster = only(config, "clusters", "cluster");
  const user = only(config, "users", "user");
  return {
    ca: base64(cluster, "certificate-authority-data"),
    certificate: base64(user, "client-certificate-data"),
    key: base64(user, "client-key-data"),
  };
};

/**
 * The kubeconfig for use from outside the host: same CA and credentials, address and names replaced. Pure.
 * @param raw what k3s wrote; its server is 127.0.0.1 and all its names are "default"
 * @param address name or IP address in the API's certificate
 * @param identifier constant name of the cluster
 */
export const renderKubeconfig = (raw: string, address: string, identifier: string): string => {
  const credentials = parseKubeconfig(raw);
  const host = address.includes(":") ? `[${address}]` : address;
  return toYaml({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: identifier,
        cluster: { server: `https://${host}:6443`, "certificate-authority-data": credentials.ca },
      },
    ],
    users: [
      {
        name: identifier,
        user: { "client-certificate-data": credentials.certificate, "client-key-data": credentials.key },
      },
    ],
    contexts: [{ name: identifier, context: { cluster: identifier, user: identifier } }],
    "current-context": identifier,
  });
};
