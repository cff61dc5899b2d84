/**
 * The only way a value gets into a shell script.
 */

/** Thrown for a value that cannot be placed in a script; never holds the value, which may be a secret. */
export class UnquotableError extends Error {
  constructor(what: string, why: string) {
    super(`${what}: ${why}; it cannot be written into a script`);
    this.name = "UnquotableError";
  }
}

// eslint-disable-next-line no-control-regex -- control characters are exactly what is refused here
const controlCharacter = /[\u0000-\u001f\u007f]/;

/**
 * One shell word, in single quotes. Newlines and other control characters are refused: no value that we pass has a
 * reason to hold one, and each is a way to smuggle a second line into a file that is read line by line.
 */
export const quote = (value: string, what = "value"): string => {
  if (controlCharacter.test(value)) throw new UnquotableError(what, "holds a newline or a control character");
  return `'${value.replaceAll("'", `'\\''`)}'`;
};

/** A here-document body and its delimiter, which is guaranteed not to be a line of the content. */
export const heredoc = (content: string, what = "file"): string => {
  if (content.includes("\u0000")) throw new UnquotableError(what, "holds a NUL byte");
  if (!content.endsWith("\n")) throw new UnquotableError(what, "does not end with a newline");
  const delimiter = "END_OF_FILE";
  if (content.split("\n").includes(delimiter)) throw new UnquotableError(what, `has a line ${delimiter}`);
  return `<<'${delimiter}'\n${content}${delimiter}`;
};
