// One row of the list of jobs: made once, painted from the newest state, its place set by the list.

import { element, ProgressView, write } from "../progress-view.js";
import { clock } from "../format.js";

/** What may be done to a job, by its status. */
export const ACTIONS = {
  created: ["cancel"],
  queued: ["cancel"],
  deferred: ["enqueue", "cancel"],
  scheduled: ["enqueue", "cancel"],
  started: ["stop"],
  lost: ["stop"],
  finished: ["delete"],
  failed: ["requeue", "delete"],
  stopped: ["requeue", "delete"],
  canceled: ["requeue", "delete"],
  unreadable: ["delete"],
};
/** What the buttons say. */
export const WORDS = { enqueue: "Enqueue now", cancel: "Cancel", stop: "Stop", requeue: "Requeue", delete: "Delete" };

/** What a job is called of which not even the task can be read. */
export const nameless = ({ id }) => `a job (${id.slice(0, 8)})`;

export class JobRow {
  element = element("div", "job");
  #title = element("button", "job-title");
  #status = element("span", "job-status");
  #when = element("span", "job-when");
  #actions = element("div", "job-actions");
  #progress = new ProgressView();
  #shown = null; // the status whose buttons stand
  #id = "";

  /** `ask(id, verb)` is called for each button; the verb "open" for the title. */
  constructor(ask) {
    this.element.setAttribute("role", "listitem");
    this.#title.type = "button";
    this.#title.addEventListener("click", () => ask(this.#id, "open"));
    const head = element("div", "job-head");
    head.append(this.#title, this.#status, this.#when);
    const body = element("div", "job-body");
    body.append(...this.#progress.parts);
    this.element.append(head, body, this.#actions);
    this.#actions.addEventListener("click", (event) => {
      const verb = event.target.closest("button")?.dataset.verb;
      if (verb) ask(this.#id, verb);
    });
  }

  /** `about`: what else there is to know, see ProgressView. */
  paint(state, about = {}) {
    this.#id = state.id;
    this.element.dataset.job = state.id;
    this.element.dataset.status = state.status;
    write(this.#title, state.task || nameless(state));
    write(this.#status, state.attempt > 1 ? `${state.status} · attempt ${state.attempt}` : state.status);
    write(this.#when, state.created_at === null ? "" : clock(state.created_at));
    this.#progress.paint(state, about);
    if (this.#shown !== state.status) this.#offer(state);
  }

  /** The job is no more: say so, and offer nothing. */
  retire(word) {
    write(this.#status, word);
    this.#actions.replaceChildren();
    this.#shown = null;
    this.element.removeAttribute("data-status");
  }

  /** Take the keyboard's place. */
  focus() {
    this.#title.focus({ preventScroll: true });
  }

  #offer(state) {
    this.#shown = state.status;
    const held = this.#actions.contains(document.activeElement);
    const buttons = (ACTIONS[state.status] ?? []).map((verb) => {
      const button = element("button", `action action-${verb}`, WORDS[verb]);
      button.type = "button";
      button.dataset.verb = verb;
      button.setAttribute("aria-label", `${WORDS[verb]} ${state.task} ${state.id.slice(0, 8)}`);
      return button;
    });
    this.#actions.replaceChildren(...buttons);
    if (held) this.focus(); // else the keyboard would start from the top of the page again
  }
}
