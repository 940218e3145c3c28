// What travels: the twin of workers/wire.py; tests/workers/test_wire.py holds the two together.

import { holdsRaw, isOdd, parse, plain, stringify } from "./exact.js";

export const FIELDS = [
  "id", "version", "attempt", "task", "queue", "status", "completed", "total", "unit", "description",
  "created_at", "enqueued_at", "started_at", "ended_at", "updated_at", "worker", "result", "result_truncated",
  "error", "meta",
];

export const STATUSES = [
  "created", "queued", "deferred", "scheduled", "started", "finished", "failed", "stopped", "canceled", "lost",
];

export const ENDED = ["finished", "failed", "stopped", "canceled"];

const SAYS_MORE = /"result":(?!null[,}])|"meta":\{(?!\})/; // a state whose job, and not Headway, chose its numbers

/**
 * What the text of a packet says. A state whose result or meta holds a number that JavaScript can't hold has `exact`, the JSON
 * texts of these two. Raises SyntaxError.
 */
export function payload(text) {
  if (!SAYS_MORE.test(text) || !isOdd(text)) return JSON.parse(text);
  const said = parse(text);
  if (!holdsRaw(said)) return said;
  const texts = statesIn(said).map(textsOf);
  const simple = plain(said);
  for (const [index, state] of statesIn(simple).entries()) if (texts[index] !== null) state.exact = texts[index];
  return simple;
}

/** The states of an event [name, {jobs}], or of an acknowledgement [{topics: {topic: {jobs}}}]. */
function statesIn([first, second]) {
  const parts = typeof first === "string" ? [second] : Object.values(first?.topics ?? {});
  return parts.flatMap((part) => (Array.isArray(part?.jobs) ? part.jobs : []));
}

function textsOf(state) {
  const odd = ["result", "meta"].filter((name) => holdsRaw(state?.[name]));
  return odd.length > 0 ? Object.fromEntries(odd.map((name) => [name, stringify(state[name])])) : null;
}

/** Whether the job of this state has ended. */
export const hasEnded = (state) => ENDED.includes(state.status);

/** Whether `state` is to replace `held`: newer wins, everywhere. */
export const isNewer = (state, held) => held === undefined || state.version > held.version;
