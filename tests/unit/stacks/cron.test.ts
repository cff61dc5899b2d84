import { describe, expect, it } from "vitest";
import { longestGapDays } from "../../../stacks/config/cron.ts";

describe("longestGapDays", () => {
  it.each([
    ["15 1 * * *", 1],
    ["*/5 * * * *", 1],
    ["0 3 * * 0", 7],
    ["0 3 * * 1-5", 3],
    ["0 3 * * 1,4", 4],
    ["0 3 1 * *", 31],
    ["0 3 31 * *", 61],
    ["0 3 */2 * *", 2],
    ["0 3 1/10 * *", 10],
    ["0 3 29 2 *", 1461],
    ["0 3 30 2 *", Infinity],
    ["0 3 1 1,7 *", 184],
    // Both restricted, the step included: either will do.
    ["0 3 1 * 0", 7],
    ["0 3 */2 * 0", 2],
    ["0 3 */1 * 0", 7],
    ["0 3 5 * */1", 31],
  ])("%s: %d", (schedule, days) => {
    expect(longestGapDays(schedule)).toBe(days);
  });
});
