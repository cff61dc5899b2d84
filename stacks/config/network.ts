/** IPv4 arithmetic for the checks; the cluster networks are IPv4 by decision. Pure. */

export interface Cidr {
  /** First address as an unsigned 32-bit number. */
  readonly base: number;
  readonly prefix: number;
}

/** Address as an unsigned number, or undefined when it is not dotted IPv4 (leading zeros refused). */
export const parseIpv4 = (text: string): number | undefined => {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
};

/** Network, or undefined when the text is no IPv4 CIDR or has bits set behind the prefix. */
export const parseCidr = (text: string): Cidr | undefined => {
  const match = /^([0-9.]+)\/(0|[1-9]\d?)$/.exec(text);
  const base = parseIpv4(match?.[1] ?? "");
  const prefix = Number(match?.[2] ?? "33");
  if (base === undefined || prefix > 32) return undefined;
  return base % 2 ** (32 - prefix) === 0 ? { base, prefix } : undefined;
};

const size = (cidr: Cidr): number => 2 ** (32 - cidr.prefix);

export const overlaps = (a: Cidr, b: Cidr): boolean => a.base < b.base + size(b) && b.base < a.base + size(a);

export const contains = (cidr: Cidr, address: number): boolean =>
  address >= cidr.base && address < cidr.base + size(cidr);

/** RFC 1123 label: at most 63 lower-case characters. */
export const isDnsLabel = (text: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);

/** At least two labels, no trailing dot, lower case, not an address. */
export const isDomain = (text: string): boolean => {
  const labels = text.split(".");
  return (
    text.length <= 253 && labels.length >= 2 && labels.every(isDnsLabel) && !/^\d+$/.test(labels.at(-1) ?? "")
  );
};

/** An address that SSH or TLS can be pointed at: IPv4 or a domain name. */
export const isAddress = (text: string): boolean =>
  parseIpv4(text) !== undefined || isDomain(text) || isDnsLabel(text);

/** RFC 1918, and what providers share among customers. */
export const privateNetworks: readonly Cidr[] = [
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
].flatMap((text) => parseCidr(text) ?? []);
