// Numbers and times as people read them. Pure.

const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const HOUR = 3600; // s
const DAY = 24 * HOUR;
const BYTES = ["B", "kB", "MB", "GB"];

/** 12,345 or 1.5 MB. */
export function amount(value, unit = "") {
  if (unit !== "B") return number.format(value);
  let step = 0;
  while (value >= 1000 && step < BYTES.length - 1) [value, step] = [value / 1000, step + 1];
  return `${number.format(value)} ${BYTES[step]}`;
}

/** 5 ms, 0.4 s, 12 s, 3 min, 3 min 20 s, 2 h 5 min, 3 d 4 h. Of less than nothing, which only clocks that differ make, 0 ms. */
export function duration(seconds) {
  if (seconds < 0.1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${number.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < HOUR) return parts(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 2 * DAY) return parts(Math.floor(whole / HOUR), "h", Math.floor((whole % HOUR) / 60), "min");
  return parts(Math.floor(whole / DAY), "d", Math.floor((whole % DAY) / HOUR), "h");
}

const parts = (large, unit, small, rest) => (small > 0 ? `${large} ${unit} ${small} ${rest}` : `${large} ${unit}`);

/** 10:31:02, with the date where it is not today's. */
export function clock(ms, now = Date.now()) {
  const moment = new Date(ms);
  const time = moment.toLocaleTimeString("en-GB");
  return moment.toDateString() === new Date(now).toDateString() ? time : `${moment.toLocaleDateString("en-CA")} ${time}`;
}

const zoneName = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

/** The time zone in which `clock` shows `ms`: CET, and in summer CEST. */
export const zone = (ms) => zoneName.formatToParts(ms).find(({ type }) => type === "timeZoneName").value;

/** 42 of 50 paragraphs; 1.5 MB of 3 MB; 42. */
export function counted({ completed, total, unit }) {
  if (completed === null) return "";
  const label = unit === "B" || unit === "" ? "" : ` ${unit}`;
  return total === null || total < 0 ? `${amount(completed, unit)}${label}` : `${amount(completed, unit)} of ${amount(total, unit)}${label}`;
}

/**
 * A result on one line: the text itself, or JSON, as it was written where `exact` is that; of a blank text what makes it one. Of
 * nothing: `nothing`.
 */
export function oneLine(value, { exact = null, limit = 200, nothing = "" } = {}) {
  if (value === null || value === undefined) return nothing;
  const isText = typeof value === "string" && value.trim() !== "";
  return cut(isText ? value : (exact ?? JSON.stringify(value)), limit);
}

/** `text` with at most `limit` characters; `…` shows that some are missing. No character is cut in half. */
export function cut(text, limit) {
  return text.length <= limit ? text : `${beginning(text, limit - 1)}…`;
}

/** `text` without its midst where it has more than `limit` characters: what happened stands at the end of a traceback. */
export function around(text, limit) {
  if (text.length <= limit) return text;
  const [head, tail] = [beginning(text, limit / 2), text.slice(-limit / 2).replace(/^[\uDC00-\uDFFF]/, "")];
  return `${head}\n… ${number.format(text.length - head.length - tail.length)} characters more …\n${tail}`;
}

/** The first `limit` characters of `text`, one less where the last of them would be half of one. */
export const beginning = (text, limit) => text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, "");

/** How many per cent of `total` are done, rounded down; null where all of it is: 100 % is what the end says. */
export function percent(completed, total) {
  if (completed >= total) return null;
  // 0.29 / 1 is 28.999999999999996 per cent to a computer
  const share = Math.floor(Number(((completed * 100) / total).toPrecision(12)));
  return Math.min(99, Math.max(0, share));
}
