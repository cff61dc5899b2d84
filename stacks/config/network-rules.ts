/** Rules for networks outside of the cluster that pods may call. Pure. */

import { contains, overlaps, parseCidr, parseIpv4, privateNetworks } from "./network.ts";
import { when } from "./problems.ts";
import type { PartialSettings } from "./schema.ts";

/** Networks that are opened because something out of the cluster has a private address there. */
const opened = (
  key: string,
  cidrs: readonly string[],
  target: { readonly key: string; readonly address: string } | undefined,
  s: PartialSettings,
): readonly string[] => {
  const networks = cidrs.flatMap((text) => parseCidr(text) ?? []);
  const own = s.cluster?.source === "own" ? s.cluster : undefined;
  const inner = [own?.clusterCidr, own?.serviceCidr].flatMap((text) => parseCidr(text ?? "") ?? []);
  const isPrivate = (base: number): boolean => privateNetworks.some((p) => contains(p, base));
  const number = target === undefined ? undefined : parseIpv4(target.address);
  return [
    ...cidrs.flatMap((text, i) => {
      const network = parseCidr(text);
      if (network === undefined) return [];
      const path = `${key}[${String(i)}]`;
      return [
        ...when(
          !isPrivate(network.base),
          `${path}: "${text}" is public; leave it out, public addresses are open on that port`,
        ),
        ...when(
          inner.some((other) => overlaps(other, network)),
          `${path}: "${text}" overlaps the cluster's own networks; name only what is outside of it`,
        ),
      ];
    }),
    ...when(
      number !== undefined && isPrivate(number) && !networks.some((n) => contains(n, number)),
      `${key}: does not hold ${target?.key ?? ""} ${target?.address ?? ""}, which is private and would not be reachable; pulumi config set --path 'platform:${key}[0]' ${target?.address ?? ""}/32`,
    ),
  ];
};

const hostOf = (endpoint: string): string => /^https:\/\/([^:/]+)/.exec(endpoint)?.[1] ?? "";

/** Problems of the networks of store and alert receiver. */
export const openedNetworks = (s: PartialSettings): readonly string[] => {
  const backup = s.data?.backup;
  const receiver = s.monitoring?.receiver;
  return [
    ...(backup === undefined
      ? []
      : opened(
          "data.backup.endpointCidrs",
          backup.endpointCidrs,
          { key: "data.backup.endpoint", address: hostOf(backup.endpoint) },
          s,
        )),
    ...(s.monitoring === undefined
      ? []
      : opened(
          "monitoring.receiverCidrs",
          s.monitoring.receiverCidrs,
          receiver?.kind === "smtp" ? { key: "monitoring.receiver.host", address: receiver.host } : undefined,
          s,
        )),
  ];
};
