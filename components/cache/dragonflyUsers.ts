import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { clientCommands, passwordHash, renderAcl, type AclUser } from "./acl.ts";
import { dragonflyKeys } from "./dragonflyPod.ts";
import { keeperUser } from "./keeperScript.ts";

/** Who uses the cache. */
export const cacheAppUser = "app";
/** The daily clean-up: lists keys and unlinks them; `redis-cli --pipe` ends with an ECHO. */
export const cleanupUser = "cleanup";

const cleanupCommands = ["+ping", "+scan", "+unlink", "+echo"] as const;
/** Dragonfly grants ACL LOAD and CONFIG as a group only, by the versions that are in use. */
const keeperCommands = ["+@admin", "+ping"] as const;

/** Passwords of the four, in clear. */
export type CachePasswords = Readonly<Record<"app" | "cleanup" | "keeper", string>>;

/** Pure. @param keyPrefix what every key of the cache begins with. */
export const dragonflyUsers = (keyPrefix: string, passwords: CachePasswords): readonly AclUser[] => {
  const user = (
    name: string,
    password: string,
    keys: readonly string[],
    commands: readonly string[],
  ): AclUser => ({
    name,
    passwordHash: passwordHash(password),
    keys,
    channels: [],
    commands,
  });
  return [
    user(cacheAppUser, passwords.app, [`${keyPrefix}*`], clientCommands),
    user(cleanupUser, passwords.cleanup, [`${keyPrefix}*`], cleanupCommands),
    user(keeperUser, passwords.keeper, [], keeperCommands),
  ];
};

export interface DragonflyUsersArgs {
  readonly metadata: k8s.types.input.meta.v1.ObjectMeta;
  readonly keyPrefix: string;
  readonly appPassword: pulumi.Output<string>;
}

/** Fixed name, changed in place: the running server takes over what changed. */
export const createDragonflyUsers = (
  parent: pulumi.Resource,
  name: string,
  args: DragonflyUsersArgs,
): k8s.core.v1.Secret => {
  // These never leave the namespace, so they may be made anew.
  const own = (role: string): pulumi.Output<string> =>
    new random.RandomPassword(`${name}-${role}-password`, { length: 40, special: false }, { parent }).result;
  const [keeper, cleanup, requirepass] = [own("keeper"), own("cleanup"), own("default")];
  const acl = pulumi
    .all([args.appPassword, cleanup, keeper])
    .apply(([app, forCleanup, forKeeper]) =>
      renderAcl(dragonflyUsers(args.keyPrefix, { app, cleanup: forCleanup, keeper: forKeeper })),
    );
  return new k8s.core.v1.Secret(
    `${name}-users`,
    {
      metadata: args.metadata,
      stringData: {
        [dragonflyKeys.acl]: acl,
        [dragonflyKeys.keeper]: keeper,
        [dragonflyKeys.requirepass]: requirepass,
        [dragonflyKeys.cleanup]: cleanup,
      },
    },
    { parent },
  );
};
