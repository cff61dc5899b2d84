/**
 * What a stack is told of the services that the rig runs outside of its cluster: an object store for backups and a
 * receiver of alerts. Both scripts say what else they can do.
 */
import { join } from "node:path";

import { must } from "./process.ts";

/** Settings and secrets that a service asks of a stack; secrets have the keys of the stack's config. */
export interface External {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
}

type Service = (args: readonly string[], input?: string) => Promise<string>;

const service =
  (name: string): Service =>
  (args, input) =>
    must(join(import.meta.dirname, name, `${name}.sh`), args, input === undefined ? {} : { input });

/** Commands of `rig/store/store.sh`. */
export const store = service("store");

/** Commands of `rig/receiver/receiver.sh`. */
export const receiver = service("receiver");

/** Starts the store when it does not run. */
export const backupsTo = async (name: string): Promise<External> => {
  await store(["start", name]);
  const ask = (what: string): Promise<string> => store([what, name]);
  const app = JSON.parse(await store(["credentials", name, "app"])) as Record<
    "accessKeyId" | "secretAccessKey",
    string
  >;
  return {
    settings: {
      "platform:data": {
        backup: {
          endpoint: await ask("url"),
          endpointCidrs: [await ask("cidr")],
          bucket: await ask("bucket"),
          region: await ask("region"),
          caCertificate: `${await ask("ca")}\n`,
        },
      },
    },
    secrets: { backupAccessKeyId: app.accessKeyId, backupSecretAccessKey: app.secretAccessKey },
  };
};

/** Starts the receiver when it does not run. */
export const alertsTo = async (name: string): Promise<External> => {
  await receiver(["start", name]);
  return {
    settings: {
      "platform:monitoring": {
        storageGiB: 1,
        receiver: { kind: "webhook" },
        receiverCidrs: [await receiver(["cidr", name])],
      },
    },
    secrets: {
      alertWebhookUrl: await receiver(["url", name, "alerts"]),
      deadMansSwitchUrl: await receiver(["url", name, "switch"]),
    },
  };
};
