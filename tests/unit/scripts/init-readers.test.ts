import { describe, expect, it } from "vitest";
import { changeReaders } from "../../../scripts/lib/init-readers.ts";

const make = (): string => "made";

describe("changeReaders", () => {
  it("has nothing to do when names and passwords agree, in whatever order", () => {
    expect(changeReaders(["a", "b"], '{"b":"2","a":"1"}', make)).toBeUndefined();
    expect(changeReaders([], undefined, make)).toBeUndefined();
  });

  it("keeps passwords, makes those of new readers, drops those of others", () => {
    expect(changeReaders(["a", "c"], '{"b":"2","a":"1"}', make)).toEqual({
      value: '{"a":"1","c":"made"}',
      added: ["c"],
      removed: ["b"],
    });
    expect(changeReaders(["a"], undefined, make)).toEqual({
      value: '{"a":"made"}',
      added: ["a"],
      removed: [],
    });
  });

  it("does not show a secret that it cannot read", () => {
    expect(() => changeReaders(["a"], "hunter2-0123456789", make)).toThrow(
      "postgresReaderPasswords: is not a JSON object of texts; remove it to have new passwords made: pulumi config rm platform:postgresReaderPasswords",
    );
  });
});
