import { createHash } from "node:crypto";

/** One line of an ACL file. */
export interface AclUser {
  readonly name: string;
  /** SHA-256 of the password, hexadecimal. */
  readonly passwordHash: string;
  /** Patterns of the keys that it may touch. Empty: none. */
  readonly keys: readonly string[];
  /** Patterns of its channels. Empty: none. */
  readonly channels: readonly string[];
  /** Rules in the order in which they apply, e.g. `+@all`, `-@dangerous`, `+info`. */
  readonly commands: readonly string[];
}

/**
 * SHA-256, hexadecimal. A run for chosen targets (`--target`) asks before a password was made: what is rendered then is
 * not deployed, and no password has the hash that it gets.
 */
export const passwordHash = (password: string | undefined): string =>
  password === undefined ? "0".repeat(64) : createHash("sha256").update(password).digest("hex");

/**
 * An ACL file that Redis, Valkey and Dragonfly all read. Pure; holds no password.
 * `default` is who a connection is before it logs in. It is off and may do nothing but log in: Dragonfly asks its ACL
 * even for that, and where a file does not name it, gives it everything. Dragonfly refuses lines below four words.
 */
export const renderAcl = (users: readonly AclUser[]): string =>
  [
    "user default off resetchannels -@all +auth +hello",
    ...users.map((user) =>
      [
        `user ${user.name} on #${user.passwordHash}`,
        ...user.keys.map((pattern) => `~${pattern}`),
        "resetchannels",
        ...user.channels.map((pattern) => `&${pattern}`),
        "-@all",
        ...user.commands,
      ].join(" "),
    ),
    "",
  ].join("\n");

/**
 * What the application and the media server may do: everything with their keys, nothing to the server. `@dangerous`
 * holds FLUSHALL, KEYS, CONFIG, DEBUG, MONITOR and the like, but also INFO, without which BullMQ does not start.
 */
export const clientCommands = ["+@all", "-@dangerous", "+info"] as const;

/** BullMQ also tells its workers from the list of clients. Dragonfly has no such rule, and no workers. */
export const redisClientCommands = [...clientCommands, "+client|list"] as const;

/** What an exporter reads. No key, and not CONFIG. */
export const metricsCommands = [
  "+ping",
  "+info",
  "+client|setname",
  "+slowlog|len",
  "+slowlog|get",
  "+latency|latest",
  "+latency|histogram",
] as const;

export const probeCommands = ["+ping"] as const;
