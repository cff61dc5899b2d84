import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { heredoc, quote } from "../../../components/remote/quote.ts";

const echoed = (word: string): string =>
  execFileSync("bash", ["-c", `printf %s ${word}`], { encoding: "utf8" });

describe("quote", () => {
  it.each([
    "",
    "plain",
    "two words",
    "it's",
    "$(id) `id` $HOME",
    '"double"',
    "a\\b",
    "*?[x]",
    "-n",
    "#x;y&z|!",
    "ä€",
  ])("gives bash the very text: %s", (value) => {
    expect(echoed(quote(value))).toBe(value);
  });

  it.each(["a\nb", "a\rb", "a\tb", "a\u0000b", "a\u001bb"])(
    "refuses control characters, without showing them",
    (v) => {
      expect(() => quote(v, "TOKEN")).toThrow(
        "TOKEN: holds a newline or a control character; it cannot be written",
      );
    },
  );
});

describe("heredoc", () => {
  it("keeps the content as it is", () => {
    const content = "a $HOME `id` \\ \n  indented\n\nlast\n";
    expect(execFileSync("bash", ["-c", `cat ${heredoc(content)}`], { encoding: "utf8" })).toBe(content);
  });

  it.each([
    ["no newline at its end", "does not end with a newline"],
    ["a\nEND_OF_FILE\nrm -rf x\n", "has a line END_OF_FILE"],
    ["a\u0000\n", "holds a NUL byte"],
  ])("refuses what would change it", (content, message) => {
    expect(() => heredoc(content, "/etc/x")).toThrow(`/etc/x: ${message}`);
  });
});
