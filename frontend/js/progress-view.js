// The look of one job's progress: bar, numbers and one line of text. Written from the newest state, never read back.

import { amount, clock, counted, duration, oneLine, percent } from "./format.js";
import { RateMeter } from "./rate.js";
import { hasEnded } from "./wire.js";

export class ProgressView {
  #bar = document.createElement("progress");
  #text = element("span", "progress-text");
  #numbers = element("span", "progress-numbers");
  #meter = new RateMeter();
  #phase = "";
  #furthest = 0;
  #done = [0, 1]; // of what total, where it was furthest

  /** The elements that are to be put on the page. */
  parts;

  constructor() {
    const line = element("span", "progress-line");
    for (const [part, name] of [[this.#bar, "bar"], [line, "line"], [this.#text, "text"], [this.#numbers, "numbers"]]) part.part = name;
    line.append(this.#text, this.#numbers);
    this.parts = [this.#bar, line];
  }

  /** Show a state; `scheduler`: false where none is up, which some wait for. */
  paint(state, { scheduler = null } = {}) {
    this.#meter.take(state);
    const share = this.#furthestOf(state);
    if (share === null) this.#bar.removeAttribute("value");
    else this.#bar.value = share;
    this.#bar.setAttribute("aria-label", `${state.task}: ${state.status}`);
    write(this.#text, state.status === "scheduled" && scheduler === false ? `${textOf(state)}; no scheduler is up` : textOf(state));
    write(this.#numbers, this.#numbersOf(state, share));
  }

  /** The share done; within one attempt and unit it never falls, though a total may grow. */
  #furthestOf(state) {
    const share = shareOf(state);
    const phase = `${state.id} ${state.attempt} ${state.unit}`;
    if (phase !== this.#phase || (share ?? 0) >= this.#furthest) {
      this.#furthest = share ?? 0;
      this.#done = [state.completed, state.total];
    }
    this.#phase = phase;
    return share === null ? null : this.#furthest;
  }

  #numbersOf(state, share) {
    if (hasEnded(state)) return state.started_at === null ? "" : `in ${duration((state.ended_at - state.started_at) / 1000)}`;
    if (state.status !== "started") return "";
    const parts = [];
    if (state.completed !== null) parts.push(counted(state));
    const done = share !== null && state.total !== null ? percent(...this.#done) : null;
    if (done !== null) parts.unshift(`${done} %`);
    const rate = this.#meter.rate;
    if (rate !== null && state.unit !== "s") parts.push(`${amount(rate, state.unit)}/s`);
    const left = this.#meter.left(state);
    if (left !== null) parts.push(`${duration(Math.ceil(left))} left`);
    return parts.join(" · ");
  }
}

/** 0…1, or null where the length is unknown. */
function shareOf({ status, completed, total }) {
  if (status === "finished") return 1;
  if (completed !== null && total !== null && total > 0) return Math.min(1, Math.max(0, completed / total));
  return status === "started" ? null : 0;
}

function textOf(state) {
  switch (state.status) {
    case "finished":
      return state.result_truncated ? "result too long to show here" : oneLine(state.result, { exact: state.exact?.result, nothing: "done" });
    case "failed":
      return state.error ? `${state.error.type}: ${state.error.message}` : "failed";
    case "queued":
      return "waits for a worker";
    case "deferred":
      return "waits for another job";
    case "scheduled":
      return state.attempt > 1 ? "waits for its next try" : "waits for its time";
    case "canceled":
      return "taken back before it ran";
    case "stopped":
      return "stopped while it ran";
    case "lost":
      return `worker silent since ${clock(state.updated_at)}`;
    case "unreadable":
      return "its record can't be read";
    default:
      return state.description;
  }
}

/** A new element with a class. */
export function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** Write text where it differs: an equal write would still make the browser lay out and readers speak. */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
