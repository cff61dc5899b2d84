/** The last question before something that users notice. */

import { UserError } from "../user-error.ts";
import type { Io } from "./context.ts";
import type { ImportOptions } from "./options.ts";

/** Says what will happen and wants the stack's name typed. @throws UserError when it is not, or nobody can be asked */
export const confirm = async (io: Io, options: ImportOptions, ...what: readonly string[]): Promise<void> => {
  for (const line of what) io.print(line);
  if (options.yes) return;
  if (!io.interactive) throw new UserError("--yes is needed where nobody can be asked; nothing was changed");
  const asking = io.prompter();
  try {
    const answer = await asking.ask(`Type the name of the stack (${options.stack}) to go on:`);
    if (answer !== options.stack) throw new UserError("not confirmed; nothing was changed");
  } finally {
    asking.close();
  }
};
