import { createHash } from "node:crypto";

/** Names that are cluster-wide or addressed by string. Nothing is cleaned up or shortened: a bad name is refused. */

const dnsLabel = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;

/**
 * `<prefix>-<role>`: the name of anything cluster-wide, so that two stacks fit on one host.
 * @throws Error when the result is not a DNS label of at most 63 characters.
 */
export const prefixed = (prefix: string, role: string): string => {
  const name = `${prefix}-${role}`;
  if (name.length > 63 || !dnsLabel.test(name)) {
    throw new Error(
      `prefix: "${prefix}" makes the name "${name}", which is no DNS label; shorten platform:prefix`,
    );
  }
  return name;
};

/** `service.namespace.svc`: how other namespaces address a Service. */
export const serviceHost = (service: string, namespace: string): string => `${service}.${namespace}.svc`;

/** Every name a client may use for a Service: with verify-full each of them must stand in the certificate. */
export const serviceNames = (service: string, namespace: string): readonly string[] => [
  service,
  `${service}.${namespace}`,
  `${service}.${namespace}.svc`,
  `${service}.${namespace}.svc.cluster.local`,
];

/** Ten hex characters that change when `value` (plain data, never a secret) changes. Key order does not matter. */
export const contentHash = (value: unknown): string =>
  createHash("sha256").update(stableJson(value)).digest("hex").slice(0, 10);

const stableJson = (value: unknown): string => JSON.stringify(sorted(value));

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
};

/**
 * The first address of an IPv4 range: `10.43.0.0/16` -> `10.43.0.1`.
 * In the service range it is the API server's, in a node's pod range the bridge's.
 * @throws Error when `cidr` is not an IPv4 range.
 */
export const firstAddress = (cidr: string): string => {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  if (octets.length !== 4 || octets.some((octet) => octet > 255) || Number(match?.[5]) > 30) {
    throw new Error(`"${cidr}" is not an IPv4 range such as 10.42.0.0/16`);
  }
  const bits = Number(match?.[5]);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const network = address - (address % 2 ** (32 - bits)) + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(network / 2 ** shift) % 256).join(".");
};
