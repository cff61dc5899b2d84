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
    "local    all  postgres  peer",
    "hostssl  all  postgres  all  reject",
    // Pods on the host's network pass NetworkPolicies; they come from the bridge.
    `hostssl  all  all  ${firstAddress(clusterCidr)}/32  reject`,
    // "all" does not mean replication.
    `hostssl  replication  all  ${firstAddress(clusterCidr)}/32  reject`,
    ...access.map(([databases, users]) => `hostssl  ${databases}  ${users}  ${clusterCidr}  scram-sha-256`),
    // People come through "kubectl port-forward", which ends on the pod's own loopback.
    `hostssl  ${database}  +${roles.reader}  127.0.0.1/32  scram-sha-256`,
    "",
  ].join("\n");

/** Who may log in where. */
const access: readonly (readonly [databases: string, users: string])[] = [
  [database, roles.migration],
  [database, `${roles.appA},${roles.appB}`],
  [database, roles.pooler],
  [`${database},postgres`, roles.monitor],
  [database, roles.maintenance],
  [`${database},postgres,replication`, roles.backup],
  [database, `+${roles.reader}`],
];

/** `pg_ident.conf`: no mapping; peer means the same name. */
export const pgIdent = "# no maps\n";
