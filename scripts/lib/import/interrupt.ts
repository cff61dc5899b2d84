/** Ends work from outside, in order: Ctrl-C, a termination, a limit of time. */

import { UserError } from "../user-error.ts";

/**
 * Runs `work`. When it is interrupted it is left behind, and whoever called this cleans up.
 * @param seconds @default no limit
 * @throws UserError when it was interrupted or the time is over; what `work` throws
 */
export const interruptible = async <T>(work: () => Promise<T>, seconds?: number): Promise<T> => {
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort(new UserError("interrupted"));
  };
  const timer =
    seconds === undefined
      ? undefined
      : setTimeout(() => {
          stop.abort(new UserError(`not finished within the --max-downtime of ${String(seconds)} s`));
        }, seconds * 1000);
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener("abort", () => {
      reject(stop.signal.reason as Error);
    });
  });
  try {
    const working = work();
    working.catch(() => undefined);
    return await Promise.race([working, stopped]);
  } finally {
    clearTimeout(timer);
    process.removeListener("SIGINT", onSignal);
    process.removeListener("SIGTERM", onSignal);
  }
};
