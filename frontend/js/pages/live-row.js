// A row that follows its job by itself, and whatever stands beside it.

import { act, connection, watch } from "../client.js";
import { JobRow } from "../elements/job-row.js";
import { element } from "../progress-view.js";
import { at, attempt, isSure, pageOf } from "../shell.js";

async function ask(id, verb) {
  if (verb === "open") return location.assign(at(pageOf(id)));
  if (verb === "delete" && !(await isSure("Delete this job?", "Its result goes with it.", "Delete"))) return undefined;
  return attempt(() => act(id, verb));
}

const rows = new Set();
connection.addEventListener("change", () => {
  for (const row of rows) row.paintSoon();
});

export class LiveRow {
  element = element("div", "job-line");
  /** Ends the watch. */
  stop;
  #row = new JobRow(ask);
  #newest = null;
  #gone = false;
  #frame = 0;

  /** `state` is what is known of the job already; `parts` stand before the row. */
  constructor(id, { state = null, parts = [] } = {}) {
    this.element.setAttribute("role", "listitem");
    this.#row.element.removeAttribute("role"); // the line is the item
    this.element.append(...parts, this.#row.element);
    if (state === null) this.element.hidden = true;
    else this.#row.paint((this.#newest = state), connection);
    rows.add(this);
    const stop = watch(`job:${id}`, ({ jobs, gone, error }) => {
      this.#newest = jobs.get(id) ?? this.#newest;
      // who asks too late, or again, is told of no end of it, but that there is none such
      this.#gone = gone.includes(id) || error?.code === "not_found" || (this.#gone && !jobs.has(id));
      this.paintSoon();
    });
    this.stop = () => {
      rows.delete(this);
      stop();
    };
  }

  paintSoon() {
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = 0;
    this.element.hidden = this.#newest === null;
    this.element.toggleAttribute("data-gone", this.#gone);
    if (this.#gone) this.#row.retire("expired or deleted");
    else if (this.#newest !== null) this.#row.paint(this.#newest, connection);
  }
}
