/** Clock, median and progress of the benchmarks. No state. */
import { performance } from "node:perf_hooks";

const began = performance.now();

/** One line of progress on standard error, with the seconds since the start. */
export const say = (text: string): void => {
  const seconds = Math.floor((performance.now() - began) / 1000);
  process.stderr.write(`[${String(seconds).padStart(4)}s] bench: ${text}\n`);
};

export interface Timed<T> {
  readonly seconds: number;
  readonly value: T;
}

export const timed = async <T>(work: () => Promise<T>): Promise<Timed<T>> => {
  const start = performance.now();
  const value = await work();
  return { seconds: (performance.now() - start) / 1000, value };
};

/** The middle value; of an even number the lower one of the two. */
export const median = (values: readonly number[]): number => {
  const middle = values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
  if (middle === undefined) throw new Error("median: no value was measured");
  return middle;
};

/** One arm of a comparison: does its work once and returns the figure that counts, seconds unless it says otherwise. */
export type Arm = () => Promise<number>;

/**
 * Runs all arms one after the other, and that `rounds` times, so that what else happens on the machine meets all of
 * them alike. Returns the median of each.
 */
export const interleave = async <Name extends string>(
  arms: Readonly<Record<Name, Arm>>,
  rounds: number,
  unit = "s",
): Promise<Record<Name, number>> => {
  const names = Object.keys(arms) as Name[];
  const seen = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of names) {
      const value = await arms[name]();
      seen.get(name)?.push(value);
      say(`round ${String(round)} of ${String(rounds)}: ${name} ${value.toFixed(2)} ${unit}`);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(seen.get(name) ?? [])])) as Record<
    Name,
    number
  >;
};
