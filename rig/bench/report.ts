/** Figures as a plain table, and as a part of docs/benchmarks.md. No state. */
import { cpus, totalmem } from "node:os";

import { obtained, type Part } from "./obtained.ts";

export interface Figure {
  readonly what: string;
  readonly ours: string;
  /** What it is compared with, and that one's value. */
  readonly against: string;
  readonly ratio: string;
  readonly aim: string;
  readonly met: string;
}

const heads = ["figure", "platform", "against", "ratio", "aim", "met"] as const;

const cells = (figure: Figure): readonly string[] => [
  figure.what,
  figure.ours,
  figure.against,
  figure.ratio,
  figure.aim,
  figure.met,
];

const rows = (figures: readonly Figure[]): readonly (readonly string[])[] => [heads, ...figures.map(cells)];

/** Columns padded with spaces, for a terminal. */
export const plainTable = (figures: readonly Figure[]): string => {
  const all = rows(figures);
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};

const markdownTable = (figures: readonly Figure[]): string => {
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  const [head = [], ...body] = rows(figures);
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
};

export const machine = (load: number): string =>
  `${String(cpus().length)} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ` +
  `${String(Math.round(totalmem() / 2 ** 30))} GiB memory, load ${load.toFixed(1)} before the start`;

const begins = (part: Part): string => `<!-- part: ${part} -->`;
const ends = (part: Part): string => `<!-- end: ${part} -->`;

/** One part of docs/benchmarks.md: machine, figures, how they were obtained. */
export const renderPart = (part: Part, figures: readonly Figure[], load: number): string =>
  [
    begins(part),
    "",
    `## ${obtained[part].title}`,
    "",
    `Machine: ${machine(load)}.`,
    "",
    markdownTable(figures),
    "",
    obtained[part].text,
    "",
    ends(part),
  ].join("\n");

/**
 * The document with that part written anew; the rest stays.
 * @throws Error when the document has no place for it
 */
export const replacePart = (document: string, part: Part, text: string): string => {
  const from = document.indexOf(begins(part));
  const to = document.indexOf(ends(part));
  if (from < 0 || to < from)
    throw new Error(`docs/benchmarks.md: the lines ${begins(part)} and ${ends(part)} are missing`);
  return document.slice(0, from) + text + document.slice(to + ends(part).length);
};
