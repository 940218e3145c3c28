// What is done with many jobs at once: those selected, or all that match. A background job does it, and shows how far it is.

import { JobProgress } from "../elements/job-progress.js";
import { element, write } from "../progress-view.js";
import { attempt, button, isSure } from "../shell.js";
import { get, post } from "./post.js";

const VERBS = { requeue: "Requeue", cancel: "Cancel", stop: "Stop", delete: "Delete" };
const FITTING = { // the statuses in which a verb may be used
  requeue: "failed,stopped,canceled",
  cancel: "created,queued,deferred,scheduled",
  stop: "started,lost",
  delete: "created,queued,deferred,scheduled,finished,failed,stopped,canceled",
};

JobProgress.define();

export class Bulk {
  /** How many jobs match all in all, and how many of them are shown. */
  total = 0;
  #shown = 0;
  #bar;
  #asked;
  #selected;
  #selectAll;
  #everything = false; // all that match, not only those selected
  #all = element("label", "spread");
  #box = element("input");
  #said = element("span");
  #more = button("", () => this.#takeAll());
  #acts = Object.entries(VERBS).map(([verb, word]) => button(word, () => this.#do(verb), verb));

  constructor(bar, { asked, selected, selectAll }) {
    this.#bar = bar;
    this.#asked = asked;
    this.#selected = selected;
    this.#selectAll = selectAll;
    this.#box.type = "checkbox";
    this.#box.addEventListener("change", () => this.#selectAll(this.#box.checked));
    this.#all.append(this.#box, " ", this.#said);
    bar.append(this.#all, this.#more, ...this.#acts);
    this.paint();
  }

  set shown(count) {
    this.#shown = count;
    this.paint();
  }

  paint() {
    const count = this.#selected.size;
    if (count < this.#shown) this.#everything = false;
    this.#all.hidden = this.#shown === 0;
    this.#box.checked = count > 0 && count >= this.#shown;
    this.#box.indeterminate = count > 0 && count < this.#shown;
    write(this.#said, this.#everything ? "all that match" : count > 0 ? `${count} selected` : "Select all shown");
    this.#more.hidden = !this.#box.checked || this.total <= count || this.#everything;
    write(this.#more, `Select all ${this.total.toLocaleString("en-US")} that match`);
    for (const act of this.#acts) act.hidden = count === 0;
  }

  #takeAll() {
    this.#everything = true;
    this.paint();
  }

  async #do(verb) {
    await attempt(async () => {
      const body = this.#everything ? await this.#everythingFor(verb) : { verb, ids: [...this.#selected] };
      const count = body.expect ?? body.ids.length;
      const detail = verb === "delete" ? "Their results go with them. It can be undone for some seconds." : "It is done in the background.";
      if (!(await isSure(`${VERBS[verb]} ${count.toLocaleString("en-US")} jobs?`, detail, `${VERBS[verb]} jobs`))) return;
      const { id } = await post("/api/actions", body);
      this.#follow(id, verb);
    });
  }

  /** All that match and may be treated so, with the count that the person is asked about. */
  async #everythingFor(verb) {
    const q = [this.#asked, `state:${FITTING[verb]}`].filter(Boolean).join(" ");
    const { total } = await get(`/api/counts?${new URLSearchParams({ q })}`);
    return { verb, q, expect: total };
  }

  #follow(id, verb) {
    const box = element("div", "card");
    const bar = element("job-progress");
    bar.setAttribute("job", id);
    box.append(element("p", "", `${VERBS[verb]}: in the background`), bar);
    if (verb === "delete") {
      const undo = button("Undo", () => attempt(async () => {
        await post(`/api/actions/${encodeURIComponent(id)}/undo`);
        undo.remove();
      }));
      bar.addEventListener("progress", ({ detail: { completed } }) => completed > 0 && undo.remove());
      bar.addEventListener("end", () => undo.remove());
      box.append(undo);
    }
    this.#bar.after(box);
    this.#selectAll(false);
  }
}
