import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import {
  redisClientCommands,
  metricsCommands,
  passwordHash,
  probeCommands,
  renderAcl,
  type AclUser,
} from "./acl.ts";
import { keeperUser } from "./keeperScript.ts";
import { exporterAddress, metricsUser, userKeys } from "./redisPod.ts";
import { keeperCommands, probeUser } from "./redisScripts.ts";

/** Who may use an instance. */
export interface RedisClient {
  readonly user: string;
  readonly password: pulumi.Output<string>;
  /** Patterns of keys, e.g. `hc:queue:*`. */
  readonly keys: readonly string[];
  /** Patterns of channels. */
  readonly channels: readonly string[];
}

export interface RedisUsersArgs {
  readonly metadata: k8s.types.input.meta.v1.ObjectMeta;
  readonly client: RedisClient;
  readonly metricsPassword: pulumi.Output<string>;
  readonly probePassword: pulumi.Output<string>;
}

/** Names that a client cannot have. */
export const ownUsers: readonly string[] = [metricsUser, probeUser, keeperUser, "default"];

/** Fixed name, changed in place: the running server takes over what changed. */
export const createRedisUsers = (
  parent: pulumi.Resource,
  name: string,
  args: RedisUsersArgs,
): k8s.core.v1.Secret => {
  // Never leaves the pod, so it may be made anew.
  const keeper = new random.RandomPassword(
    `${name}-keeper-password`,
    { length: 40, special: false },
    { parent },
  );
  const acl = pulumi
    .all([args.client.password, args.metricsPassword, args.probePassword, keeper.result])
    .apply(([client, metrics, probe, own]) =>
      renderAcl(usersOf(args.client, { client, metrics, probe, own })),
    );
  return new k8s.core.v1.Secret(
    `${name}-users`,
    {
      metadata: args.metadata,
      stringData: {
        [userKeys.acl]: acl,
        [userKeys.keeper]: keeper.result,
        [userKeys.probe]: args.probePassword,
        [userKeys.metrics]: args.metricsPassword.apply((plain) =>
          JSON.stringify({ [exporterAddress]: plain }),
        ),
      },
    },
    { parent },
  );
};

const usersOf = (
  client: RedisClient,
  passwords: Readonly<Record<"client" | "metrics" | "probe" | "own", string>>,
): readonly AclUser[] => {
  const servant = (user: string, password: string, commands: readonly string[]): AclUser => ({
    name: user,
    passwordHash: passwordHash(password),
    keys: [],
    channels: [],
    commands,
  });
  return [
    {
      ...servant(client.user, passwords.client, redisClientCommands),
      keys: client.keys,
      channels: client.channels,
    },
    servant(metricsUser, passwords.metrics, metricsCommands),
    servant(probeUser, passwords.probe, probeCommands),
    servant(keeperUser, passwords.own, keeperCommands),
  ];
};
