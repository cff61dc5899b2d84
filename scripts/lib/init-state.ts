/** The part of stack:init about the state backend: bucket ready, then the person logs in. */

import type { InitOptions } from "./init-options.ts";
import type { Prompter } from "./prompt.ts";
import { currentBackend } from "./pulumi-cli.ts";
import { prepareStateBucket, stateUrl, storeCredentials } from "./state-bucket.ts";

/**
 * Prepares the bucket and says how to log in to it.
 * @returns true when pulumi is logged in there already and the stack can be made
 * @throws UserError when the bucket is missing, open to all, or without versions
 */
export const prepareState = async (
  o: InitOptions,
  prompter: Prompter | undefined,
  print: (line: string) => void,
): Promise<boolean> => {
  if (o.state === undefined) return true;
  const { bucket } = o.state;
  const consent = async (): Promise<boolean> =>
    prompter === undefined ||
    (await prompter.ask(`Bucket ${bucket} keeps no old versions. Switch versioning on? (yes/no)`)) === "yes";
  const changed = await prepareStateBucket(o.state, storeCredentials(process.env), consent);
  print(`${changed ? "set " : "kept"}    versioning of bucket ${bucket}`);
  const url = stateUrl(o.state);
  if ((await currentBackend()) === url) return true;
  print(`next    pulumi login '${url}'`);
  print("next    then run this command again; nothing else was changed");
  return false;
};
