import { firstAddress } from "../workload/index.ts";
import { database, roles } from "./layout.ts";

/**
 * `pg_hba.conf`: who may connect. The first match wins, and what matches no line is refused, so plaintext TCP
 * (`host`, `hostnossl`) is refused by not being here.
 * @param clusterCidr range of pod addresses, e.g. 10.42.0.0/16.
 * @throws Error when it is not an IPv4 range.
 */
export const renderPgHba = (clusterCidr: string): string =>
  [
    "# type   database  user  address  method",
    "local    all       postgres  peer",
    "hostssl  all       postgres  all  reject",
    // Pods on the host's network pass NetworkPolicies; they come from the bridge.
    `hostssl  all       all  ${firstAddress(clusterCidr)}/32  reject`,
    `hostssl  ${database}    ${roles.migration}  ${clusterCidr}  scram-sha-256`,
    `hostssl  ${database}    ${roles.app}  ${clusterCidr}  scram-sha-256`,
    `hostssl  ${database},postgres  ${roles.monitor}  ${clusterCidr}  scram-sha-256`,
    "",
  ].join("\n");

/** `pg_ident.conf`: no mapping; peer means the same name. */
export const pgIdent = "# no maps\n";
