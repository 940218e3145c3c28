// How many jobs end a second, or a minute, of how many ended in each slice of time. Pure.

const ENOUGH = 0.2; // of a slice that is under way; less of it says nothing of a second

/**
 * `counts`: {ended: [n…], failed: [n…]}, of slices that begin `at` (Unix time in seconds), each `step` seconds long, the
 * last one as far as `until`. Returns {ended, failed, unit: "second" | "minute"}, null where it can't be told yet.
 */
export function throughput(counts, at, step, until) {
  const last = at.length - 1;
  const seconds = (index) => (index < last ? step : Math.min(step, until - at[last]));
  const unit = counts.ended.some((count) => count >= step) ? "second" : "minute";
  const factor = unit === "second" ? 1 : 60;
  const rate = (count, index) => (seconds(index) < step * ENOUGH ? null : (count / seconds(index)) * factor);
  return { ended: counts.ended.map(rate), failed: counts.failed.map(rate), unit };
}
