/** How often five cron fields come round: what must happen often enough is checked, not hoped for. Pure. */

const expand = (field: string, low: number, high: number): ReadonlySet<number> =>
  new Set(
    field.split(",").flatMap((term) => {
      const [range = "", step] = term.split("/");
      const [from, to] = range === "*" ? [low, high] : range.split("-").map(Number);
      const start = from ?? low;
      // "5/10" means "5-59/10", and "5" alone only 5.
      const end = to ?? (step === undefined ? start : high);
      const stride = Number(step ?? 1);
      return Array.from({ length: Math.floor((end - start) / stride) + 1 }, (_, i) => start + i * stride);
    }),
  );

const isOpen = (field: string): boolean => field.split(",").some((term) => /^\*(\/1)?$/.test(term));

/** 28 years: after these, dates fall on the same days of the week again. */
const calendar: readonly Date[] = Array.from(
  { length: 28 * 365 + 7 },
  (_, i) => new Date(Date.UTC(2028, 0, 1 + i)),
);

/**
 * Most days from one run to the next.
 * @param schedule five fields that `isCron` accepts
 * @returns Infinity when it never runs, e.g. on 30 February
 */
export const longestGapDays = (schedule: string): number => {
  const [, , dayOfMonth = "*", month = "*", dayOfWeek = "*"] = schedule.split(" ");
  const dates = expand(dayOfMonth, 1, 31);
  const months = expand(month, 1, 12);
  const weekdays = expand(dayOfWeek, 0, 6);
  // When both are restricted, also by a step, either will do: that is how k3s and Kubernetes read cron.
  const both = isOpen(dayOfMonth) || isOpen(dayOfWeek);
  const runs = calendar.flatMap((day, i) => {
    const [byDate, byWeekday] = [dates.has(day.getUTCDate()), weekdays.has(day.getUTCDay())];
    const fits = both ? byDate && byWeekday : byDate || byWeekday;
    return fits && months.has(day.getUTCMonth() + 1) ? [i] : [];
  });
  const again = (runs[0] ?? Infinity) + calendar.length;
  return runs.reduce(
    (longest, day, i) => Math.max(longest, (runs[i + 1] ?? again) - day),
    runs.length === 0 ? Infinity : 0,
  );
};
