// <job-list topic="mine">: the jobs of a topic, newest first. Only the rows in sight exist; ends are spoken politely.

import { act, watch } from "../client.js";
import { element, write } from "../progress-view.js";
import { ENDED, hasEnded, STATUSES } from "../wire.js";
import { JobRow } from "./job-row.js";

const SPARE = 6; // rows kept above and below those in sight
const EMPTY = "Nothing here yet. Start a task, and watch it move.";
const SPEAK = 1500; // ms between two announcements

export class JobList extends HTMLElement {
  #unwatch = null;
  #jobs = new Map();
  #order = []; // states' ids, newest first
  #reorder = false;
  #rows = new Map(); // id → JobRow
  #frame = 0;
  #ended = new Map(); // id → attempt whose end is known
  #toSpeak = [];
  #speaking = 0;
  #first = true;
  #summary = element("p", "list-summary");
  #empty = element("p", "list-empty", EMPTY);
  #space = element("div", "list-space");
  #live = element("p", "sr-only");
  #look = () => this.#schedule();

  static define(tag = "job-list") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    this.#live.setAttribute("aria-live", "polite");
    this.#space.setAttribute("role", "list");
    this.#space.setAttribute("aria-label", "Jobs, newest first");
    this.replaceChildren(this.#summary, this.#empty, this.#space, this.#live);
    this.#empty.hidden = true;
    addEventListener("scroll", this.#look, { passive: true });
    addEventListener("resize", this.#look);
    this.#unwatch = watch(this.getAttribute("topic") ?? "mine", (view) => this.#take(view));
  }

  disconnectedCallback() {
    this.#unwatch?.();
    removeEventListener("scroll", this.#look);
    removeEventListener("resize", this.#look);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#speaking);
    this.#frame = this.#speaking = 0;
  }

  #take({ jobs, changed, gone, more, error }) {
    this.#jobs = jobs;
    this.toggleAttribute("more", more);
    write(this.#empty, error?.message ?? EMPTY);
    if (gone.length > 0 || this.#order.length !== jobs.size) this.#reorder = true;
    for (const id of gone) this.#ended.delete(id);
    for (const id of changed) this.#noteEnd(jobs.get(id));
    if (error === null) this.#first = false;
    this.#schedule();
  }

  #noteEnd(state) {
    if (!hasEnded(state) || this.#ended.get(state.id) === state.attempt) return;
    this.#ended.set(state.id, state.attempt);
    if (this.#first) return; // what had ended before the page came is no news
    this.#toSpeak.push(state);
    this.#speaking ||= setTimeout(() => this.#speak(), SPEAK);
  }

  #speak() {
    this.#speaking = 0;
    const said =
      this.#toSpeak.length === 1
        ? `${this.#toSpeak[0].task} ${this.#toSpeak[0].status}`
        : ENDED.map((status) => [this.#toSpeak.filter((state) => state.status === status).length, status])
            .filter(([count]) => count > 0)
            .map(([count, status]) => `${count} jobs ${status}`)
            .join(", ");
    this.#toSpeak = [];
    write(this.#live, said);
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = 0;
    if (this.#reorder) this.#sort();
    this.#empty.hidden = this.#order.length > 0;
    write(this.#summary, this.#summarise());
    const height = parseFloat(getComputedStyle(this).getPropertyValue("--row-height"));
    this.#space.style.height = `${this.#order.length * height}px`;
    const top = this.#space.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(-top / height) - SPARE);
    const to = Math.min(this.#order.length, Math.ceil((innerHeight - top) / height) + SPARE);
    const wanted = new Set(this.#order.slice(from, to));
    let bereft = false; // the keyboard's place was in a row that is no more
    for (const [id, row] of this.#rows) {
      if (wanted.has(id)) continue;
      bereft ||= row.element.contains(document.activeElement);
      row.element.remove();
      this.#rows.delete(id);
    }
    for (let index = from; index < to; index++) this.#place(this.#order[index], index, height, index - from);
    if (bereft) this.#rows.get(this.#order[from])?.focus();
  }

  #place(id, index, height, position) {
    let row = this.#rows.get(id);
    if (row === undefined) {
      row = new JobRow((job, verb) => this.#ask(job, verb));
      this.#rows.set(id, row);
    }
    // in the order of sight, for the keyboard and for readers; what stands right is not moved, so it keeps its focus
    const there = this.#space.children[position];
    if (there !== row.element) this.#space.insertBefore(row.element, there ?? null);
    row.element.style.transform = `translateY(${index * height}px)`;
    row.element.setAttribute("aria-posinset", index + 1);
    row.element.setAttribute("aria-setsize", this.#order.length);
    row.paint(this.#jobs.get(id));
  }

  #sort() {
    this.#reorder = false;
    const states = [...this.#jobs.values()];
    states.sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1));
    this.#order = states.map((state) => state.id);
  }

  #summarise() {
    const counts = new Map();
    for (const { status } of this.#jobs.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
    const parts = STATUSES.filter((status) => counts.has(status)).map(
      (status) => `${counts.get(status).toLocaleString("en-US")} ${status}`,
    );
    if (this.hasAttribute("more")) parts.push("and older ones");
    return parts.join(" · ");
  }

  async #ask(id, verb) {
    if (verb === "open") return this.#tell("open-job", id);
    if (verb === "delete" && !(await this.#isSure(id))) return;
    try {
      await act(id, verb);
    } catch (error) {
      this.#tell("act-error", error.message);
    }
  }

  #isSure(id) {
    return new Promise((resolve) => {
      const event = new CustomEvent("confirm-delete", { detail: { state: this.#jobs.get(id), resolve }, bubbles: true });
      this.dispatchEvent(event);
    });
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}
