// <job-list topic="mine">: the jobs of a topic, newest first. Only the rows in sight exist, however many jobs there are.

import * as own from "../client.js";
import { element, write } from "../progress-view.js";
import { STATUSES } from "../wire.js";
import { JobRow } from "./job-row.js";

const SPARE = 6; // rows kept above and below those in sight
const EMPTY = "Nothing here yet. Start a task, and watch it move.";
const PACE = 100; // ms between two paints of what has come; what is scrolled into sight is painted at once
const KEYS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }; // from one row to another

export class JobList extends HTMLElement {
  #unwatch = null;
  #topic = null;
  #jobs = new Map();
  #known = false; // whether the topic has been read at all
  #order = []; // states' ids, newest first
  #news = true; // whether anything has come that is not painted
  #reorder = false;
  #rows = new Map(); // id → JobRow
  #frame = 0;
  #timer = 0;
  #paintedAt = -PACE; // when what has come was last painted
  #summary = element("p", "list-summary");
  #empty = element("div", "list-empty");
  #error = null;
  #space = element("div", "list-space");
  #look = () => this.#schedule();

  static observedAttributes = ["topic"];

  /** Where its jobs are watched and acted on: what connect() of client.js returns. */
  static client = own;

  static define(tag = "job-list", client = own) {
    this.client = client;
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    this.#space.setAttribute("role", "list");
    this.#space.setAttribute("aria-label", "Jobs, newest first");
    const said = this.querySelector('[slot="empty"]');
    if (said !== null) this.#empty.replaceChildren(said);
    else write(this.#empty, EMPTY);
    for (const [part, name] of [[this.#summary, "summary"], [this.#empty, "empty"], [this.#space, "rows"]]) part.part = name;
    this.replaceChildren(this.#summary, this.#empty, this.#space);
    this.#empty.hidden = true;
    this.#space.addEventListener("keydown", this.#move);
    addEventListener("scroll", this.#look, { passive: true, capture: true }); // of whatever it stands in
    addEventListener("resize", this.#look);
    this.constructor.client.connection?.addEventListener("change", this.#look);
    this.#watch();
  }

  attributeChangedCallback(name, before, after) {
    if (this.#unwatch !== null && before !== after) this.#watch();
  }

  disconnectedCallback() {
    this.#unwatch?.();
    this.#unwatch = null;
    removeEventListener("scroll", this.#look, { capture: true });
    removeEventListener("resize", this.#look);
    this.constructor.client.connection?.removeEventListener("change", this.#look);
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
  }

  #watch() {
    this.#unwatch?.();
    const topic = this.getAttribute("topic") ?? "mine";
    // not for a moment the jobs of another topic
    if (topic !== this.#topic) [this.#topic, this.#jobs, this.#known, this.#error] = [topic, new Map(), false, null];
    this.#reorder = this.#news = true;
    this.#schedule();
    this.#unwatch = this.constructor.client.watch(topic, (view) => this.#take(view));
  }

  #take({ jobs, gone, more, error }) {
    this.#jobs = jobs;
    const isRefused = error !== null && error.code !== "unavailable";
    this.#known ||= error === null || isRefused;
    this.#error = isRefused || !this.#known ? error : null; // what was known before is still shown
    this.toggleAttribute("more", more);
    if (gone.length > 0 || this.#order.length !== jobs.size) this.#reorder = true;
    this.#news = true;
    const wait = this.#paintedAt + PACE - performance.now();
    if (wait <= 0) this.#schedule();
    else this.#timer ||= setTimeout(() => this.#schedule(), wait);
    if (isRefused) this.#tell("error", error);
  }

  #schedule() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = 0;
    const height = this.#height;
    if (this.#news) {
      this.#news = false;
      this.#paintedAt = performance.now();
      if (this.#reorder) this.#sort();
      this.#empty.hidden = this.#order.length > 0 || this.#error !== null || !this.#known;
      write(this.#summary, this.#error?.message ?? this.#summarise());
    }
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
    row.paint(this.#jobs.get(id), this.constructor.client.connection);
  }

  /** The keyboard goes from row to row; those out of sight are scrolled to, and made. */
  #move = (event) => {
    const step = KEYS[event.key];
    const id = event.target.closest("[data-job]")?.dataset.job;
    if (step === undefined || id === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = Math.min(this.#order.length - 1, Math.max(0, this.#order.indexOf(id) + step));
    const height = this.#height;
    const top = this.#space.getBoundingClientRect().top + at * height;
    if (top < height || top + height > innerHeight) scrollBy(0, top - innerHeight / 2);
    this.#paint();
    this.#rows.get(this.#order[at])?.focus();
  };

  get #height() {
    return parseFloat(getComputedStyle(this).getPropertyValue("--row-height"));
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
      await this.constructor.client.act(id, verb);
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
