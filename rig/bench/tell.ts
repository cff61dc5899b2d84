/** What was measured, told as figures beside their aims. Pure. */
import type { StateSize } from "./engine.ts";
import type { Memory } from "./hosts.ts";
import type { Figure } from "./report.ts";

/** All times in seconds. */
interface Halves {
  readonly bootstrap: number;
  readonly ready: number;
  readonly objects: number;
}

export interface Measured {
  /** Whether plugins, language host and k3s are the rig's own. */
  readonly standIn: boolean;
  readonly rounds: number;
  readonly program: Halves & { readonly preparation: number };
  readonly runs: Readonly<
    Record<
      | "emptyStart"
      | "programStart"
      | "emptyStartUncached"
      | "programStartUncached"
      | "emptyPreview"
      | "firstPreview"
      | "noopPreview"
      | "emptyUp"
      | "noopUp",
      number
    >
  >;
  readonly state: StateSize;
  readonly memory: Memory;
  readonly hand: Halves;
}

const seconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} s`;

/** Bounds from the project's aims. */
const aims = { startSeconds: 0.8, upRatio: 1.25, bootstrapRatio: 1.3, warmSeconds: 180 } as const;

export const tell = ({
  standIn,
  rounds,
  program,
  runs,
  state,
  memory,
  hand,
}: Measured): readonly Figure[] => {
  const mark = (what: string): string => (standIn ? `${what} (stand-in)` : what);
  const figure = (
    what: string,
    ours: number,
    other: string,
    theirs: number,
    aim = "",
    met?: boolean,
  ): Figure => ({
    what,
    ours: seconds(ours),
    against: `${other} ${seconds(theirs)}`,
    ratio: (ours / theirs).toFixed(2),
    aim,
    met: met === undefined ? "" : met ? "yes" : "no",
  });
  const many = ` (median of ${String(rounds)})`;
  const start = (what: string, ours: number, theirs: number): Figure =>
    figure(`${mark(what)}${many}`, ours, "SDK alone", theirs, "< 0.8 s", ours < aims.startSeconds);
  const noopBound = 2 * runs.emptyPreview + 1;
  const warm = program.preparation + program.bootstrap + program.objects;
  return [
    start("program start", runs.programStart, runs.emptyStart),
    start("program start, no compile cache", runs.programStartUncached, runs.emptyStartUncached),
    figure(`${mark("first preview")}${many}`, runs.firstPreview, "empty program", runs.emptyPreview),
    figure(
      `${mark("no-op preview")}${many}`,
      runs.noopPreview,
      "empty program",
      runs.emptyPreview,
      `< 2 x empty + 1 s = ${seconds(noopBound)}`,
      runs.noopPreview < noopBound,
    ),
    figure(`${mark("no-op up")}${many}`, runs.noopUp, "empty program", runs.emptyUp),
    figure(
      mark("first up, k3s to all ready"),
      program.objects,
      "kubectl and waits",
      hand.objects,
      "within 25 %",
      program.objects / hand.objects <= aims.upRatio,
    ),
    figure(
      mark("bare host to node Ready"),
      program.ready,
      "by hand",
      hand.ready,
      "within 30 %",
      program.ready / hand.ready <= aims.bootstrapRatio,
    ),
    figure(mark("bare host to usable cluster"), program.bootstrap, "by hand", hand.bootstrap),
    {
      what: mark("warm make local (its steps)"),
      ours: seconds(warm),
      against: `of it preparation ${seconds(program.preparation)}`,
      ratio: "",
      aim: "< 180 s",
      met: warm < aims.warmSeconds ? "yes" : "no",
    },
    {
      what: mark("memory of the idle host"),
      ours: `${memory.anonymous.toFixed(0)} MiB`,
      against: `working set ${memory.workingSet.toFixed(0)} MiB`,
      ratio: (memory.anonymous / memory.workingSet).toFixed(2),
      aim: "",
      met: "",
    },
    {
      what: mark("size of the state"),
      ours: `${String(Math.round(state.bytes / 1024))} KiB`,
      against: `${String(state.resources)} resources`,
      ratio: `${(state.bytes / 1024 / state.resources).toFixed(1)} KiB each`,
      aim: "",
      met: "",
    },
  ];
};
