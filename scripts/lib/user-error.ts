/** A mistake of the person at the keyboard, or of the world: the text is for them, a stack trace is not. */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** Runs a script's main; a UserError is printed as one text, everything fails with exit code 1. */
export const runMain = async (main: () => Promise<void>): Promise<void> => {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof UserError ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
};
