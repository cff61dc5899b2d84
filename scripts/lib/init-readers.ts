/** The part of stack:init about people with a database role: each name of the setting has a password, nobody else. */

import { parsePasswords } from "../../stacks/config/secret-rules.ts";
import { UserError } from "./user-error.ts";

const key = "postgresReaderPasswords";

export interface ReaderChange {
  /** The JSON object to store. */
  readonly value: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * What has to change in the stored passwords; undefined when every reader has one and nobody else does.
 * @param stored the decrypted secret; undefined when there is none
 * @param make makes a password
 * @throws UserError when `stored` is no JSON object of texts; the text does not hold it
 */
export const changeReaders = (
  readers: readonly string[],
  stored: string | undefined,
  make: () => string,
): ReaderChange | undefined => {
  const known = stored === undefined ? {} : parsePasswords(stored);
  if (known === undefined) {
    throw new UserError(
      `${key}: is not a JSON object of texts; remove it to have new passwords made: pulumi config rm platform:${key}`,
    );
  }
  const added = readers.filter((name) => known[name] === undefined);
  const removed = Object.keys(known).filter((name) => !readers.includes(name));
  if (added.length === 0 && removed.length === 0) return undefined;
  const value = JSON.stringify(Object.fromEntries(readers.map((name) => [name, known[name] ?? make()])));
  return { value, added, removed };
};
