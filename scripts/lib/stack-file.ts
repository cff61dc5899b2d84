/** What a stack file says already: enough to know what stack:init has to make. Never decrypts. */

import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { isDomain, parseCidr, contains, parseIpv4 } from "../../stacks/config/network.ts";
import { isNeeded } from "../../stacks/config/secret-rules.ts";
import type { SecretUse } from "../../stacks/config/secret-rules.ts";
import { secretKeys } from "../../stacks/config/secrets.ts";
import type { SecretKey } from "../../stacks/config/secrets.ts";
import { UserError } from "./user-error.ts";

/** Common name of the certificates in the example stack files. */
export const exampleAuthority = "example internal CA";

export interface StackFile {
  readonly source: "own" | "shared";
  readonly sshAuth: "key" | "agent";
  readonly prefix: string;
  readonly hostAddress: string | undefined;
  readonly hostKey: string | undefined;
  readonly sshPort: number;
  readonly user: string;
  readonly nodeIp: string | undefined;
  readonly domain: string | undefined;
  readonly certificate: string | undefined;
  /** People with a read-only role at the database. */
  readonly readers: readonly string[];
  readonly neededSecrets: readonly SecretKey[];
  readonly presentSecrets: ReadonlySet<SecretKey>;
}

type Group = Readonly<Record<string, unknown>>;

const group = (value: unknown): Group =>
  typeof value === "object" && value !== null ? (value as Group) : {};
const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

/** The settings of data and monitoring that decide which secrets there are. Whether they are right is the program's. */
const dataUse = (config: Group): Pick<SecretUse, "data" | "monitoring"> => {
  const data = group(config["platform:data"]);
  const readers = group(data["postgres"])["readers"];
  const monitoring = config["platform:monitoring"];
  const kind = group(group(monitoring)["receiver"])["kind"] === "smtp" ? "smtp" : "webhook";
  return {
    data: {
      postgres: { readers: Array.isArray(readers) ? readers.filter((name) => typeof name === "string") : [] },
      backup: data["backup"],
    },
    monitoring:
      monitoring === undefined
        ? undefined
        : { receiver: { kind }, deadMansSwitch: group(monitoring)["deadMansSwitch"] !== false },
  };
};

/** Reads the text of a stack file. @param name stands in errors */
export const parseStackFile = (name: string, content: string): StackFile => {
  let document: unknown;
  try {
    document = parse(content);
  } catch (error) {
    throw new UserError(
      `${name}: is not readable as YAML: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const config = group(group(document)["config"]);
  const [host, cluster] = [group(config["platform:host"]), group(config["platform:cluster"])];
  const source = cluster["source"];
  if (source !== "own" && source !== "shared") {
    const seen = source === undefined ? "missing" : JSON.stringify(source);
    throw new UserError(
      `${name}: platform:cluster.source is ${seen}; own or shared decides what is to be made`,
    );
  }
  const sshAuth = host["sshAuth"] === "agent" ? "agent" : "key";
  const use = {
    cluster: { source, registry: cluster["registry"] },
    host: { sshAuth },
    ...dataUse(config),
  } as const;
  return {
    source,
    sshAuth,
    prefix: text(config["platform:prefix"]) ?? "platform",
    hostAddress: text(host["address"]),
    hostKey: text(host["hostKey"]),
    sshPort: typeof host["sshPort"] === "number" ? host["sshPort"] : 22,
    user: text(host["user"]) ?? "root",
    nodeIp: text(cluster["nodeIp"]),
    domain: text(config["platform:domain"]),
    certificate: text(config["platform:caCertificate"]),
    readers: use.data?.postgres.readers ?? [],
    neededSecrets: secretKeys.filter((key) => isNeeded(key, use) === true),
    presentSecrets: new Set(
      secretKeys.filter((key) => text(group(config[`platform:${key}`])["secure"]) !== undefined),
    ),
  };
};

export const readStackFile = (path: string): StackFile => {
  if (!existsSync(path)) {
    throw new UserError(`${path}: not found; copy Pulumi.staging.yaml and adjust it first`);
  }
  return parseStackFile(path, readFileSync(path, "utf8"));
};

const documentationNetworks = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"].flatMap(
  (cidr) => parseCidr(cidr) ?? [],
);

/** Unset, or an address that RFC 5737 keeps for documentation: an example, to be replaced. */
export const isExampleAddress = (address: string | undefined): boolean => {
  const number = parseIpv4(address ?? "");
  return (
    address === undefined ||
    (number !== undefined && documentationNetworks.some((net) => contains(net, number)))
  );
};

/** Unset, or a name that RFC 2606 keeps for documentation. */
export const isExampleDomain = (domain: string | undefined): boolean =>
  domain === undefined || !isDomain(domain) || /(^|\.)example(\.(com|net|org))?$/.test(domain);

/** Unset, unreadable, or the certificate of an example file, whose key nobody has. */
export const isExampleCertificate = (certificate: string | undefined): boolean => {
  if (certificate === undefined) return true;
  try {
    return new X509Certificate(certificate).subject.includes(`CN=${exampleAuthority}`);
  } catch {
    return true;
  }
};
