/** Edits one line of the image catalogue's source. Pure. */

import { UserError } from "./user-error.ts";

/** Comments of the catalogue that say where a digest comes from; the edit replaces such a line. */
const provenance = /^\s*\/\/ (corroborated|registry)\b/;

/**
 * Replaces the reference `oldRef` by `newRef` and the remark about its origin above it.
 * @param remark the new remark, without slashes
 * @throws UserError when the source does not hold `oldRef` exactly once
 */
export const replaceReference = (
  source: string,
  name: string,
  oldRef: string,
  newRef: string,
  remark: string,
): string => {
  const lines = source.split("\n");
  const hits = lines.flatMap((line, i) => (line.includes(`"${oldRef}"`) ? [i] : []));
  const hit = hits[0];
  if (hit === undefined || hits.length > 1) {
    throw new UserError(
      `${name}: found ${String(hits.length)} times in the catalogue's source, expected once; edit it by hand`,
    );
  }
  const start = lines
    .slice(0, hit + 1)
    .findLastIndex((line) => new RegExp(`^\\s*"?${name}"?: \\{`).test(line));
  const indent = /^\s*/.exec(lines[start] ?? "")?.[0] ?? "";
  const note = `${indent}// ${remark}`;
  const edited = lines.with(hit, (lines[hit] ?? "").replace(`"${oldRef}"`, `"${newRef}"`));
  if (start < 1) return edited.join("\n");
  return (
    provenance.test(edited[start - 1] ?? "") ? edited.with(start - 1, note) : edited.toSpliced(start, 0, note)
  ).join("\n");
};
