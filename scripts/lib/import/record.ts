/** What the last rehearsal measured, kept in the cluster so that a cut-over can state its downtime before it begins. */

import { contentHash } from "../../../components/workload/names.ts";
import type { HostAccess } from "../stack-access.ts";
import { recordName } from "./names.ts";
import type { SourceAddress } from "./source-address.ts";

export interface Rehearsal {
  /** Of host, port and database, without naming them. */
  readonly source: string;
  /** ISO time of its end. */
  readonly at: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly tables: number;
}

export const sourceId = ({ host, port, database }: SourceAddress): string =>
  contentHash({ host, port, database });

export const writeRehearsal = async (
  host: HostAccess,
  namespace: string,
  record: Rehearsal,
): Promise<void> => {
  const object = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: recordName, namespace },
    data: { rehearsal: JSON.stringify(record) },
  };
  await host.kubectl(["apply", "-f", "-"], { input: JSON.stringify(object) });
};

/** The last one of this source, or undefined. */
export const readRehearsal = async (
  host: HostAccess,
  namespace: string,
  source: SourceAddress,
): Promise<Rehearsal | undefined> => {
  const said = await host.run([
    ...["k3s", "kubectl", "-n", namespace, "get", "configmap", recordName, "--ignore-not-found"],
    ...["-o", "jsonpath={.data.rehearsal}"],
  ]);
  if (said.code !== 0 || said.stdout.trim() === "") return undefined;
  const record = JSON.parse(said.stdout) as Rehearsal;
  return record.source === sourceId(source) ? record : undefined;
};
