// What elements of one job share: attribute `job`, one watch, one paint a frame; events "progress", "end", "gone", "error".

import * as own from "../client.js";
import { write } from "../progress-view.js";
import { hasEnded } from "../wire.js";

const GONE = { code: "gone", message: "This job has expired or was deleted." };

export class JobElement extends HTMLElement {
  static observedAttributes = ["job"];
  #unwatch = null;
  #current = null; // the watch in use
  #frame = 0;
  #shown = null; // the job of which something stands in it, or will
  #painted = false; // whether what stands in it is of the job that it watches
  #told = ""; // the job and attempt whose end has been told
  /** The newest state; null before the first, and where there is none to see. */
  state = null;

  /** Where its jobs are watched: what connect() of client.js returns. */
  static client = own;

  /** Make it an element; `client`: what connect() of client.js returned, where the jobs are another server's. */
  static define(tag = this.tag, client = own) {
    this.client = client;
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    if (!this.hasAttribute("status")) this.#hideSlots();
    this.#start();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback(name, before, after) {
    if (this.isConnected && before !== after) this.#start();
  }

  /** Show `state` in place of whatever stands there; `first`: what stands there is not of this job. */
  paint(state, first) {
    throw new Error(`${this.localName} paints nothing, neither ${state.id} nor ${first}`);
  }

  /** Paint the newest state again, in the next frame. */
  paintSoon() {
    if (this.state !== null) this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  /** Put `parts` in place of the content; what has a `slot` stays, out of sight. */
  fill(...parts) {
    this.replaceChildren(...parts, ...this.#hideSlots());
  }

  /** What the page has to say of a job that is gone or refused, and nobody is to read before it is so. */
  #hideSlots() {
    const kept = [...this.children].filter((child) => child.slot);
    for (const child of kept) child.hidden = true;
    return kept;
  }

  #start() {
    this.#stop();
    const id = this.getAttribute("job");
    if (this.#shown !== null && this.#shown !== id) {
      this.fill(); // not for a moment the bar of another job
      this.state = null;
      this.#painted = false;
      this.removeAttribute("status");
    }
    this.#shown = id;
    if (!id) return;
    const watch = (this.#current = {});
    const unwatch = this.constructor.client.watch(`job:${id}`, ({ jobs, error }) => {
      if (watch !== this.#current) return;
      if (error?.code === "unavailable") return; // what is shown is the last that was known, and says so
      if (error !== null) this.#fail("error", error);
      else if (jobs.has(id)) this.#take(jobs.get(id));
      else this.#fail("gone", GONE); // perhaps before this element came: another one holds the watch
    });
    // it was told at once, and whoever heard of it may have given the element another job, or taken it off the page
    if (watch === this.#current) this.#unwatch = unwatch;
    else unwatch();
  }

  #stop() {
    this.#current = null;
    this.#unwatch?.();
    this.#unwatch = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #take(state) {
    this.state = state;
    this.paintSoon();
    this.#tell("progress", state);
    const told = `${state.id} ${state.attempt}`;
    if (!hasEnded(state) || this.#told === told) return;
    this.#told = told;
    this.#tell("end", state);
  }

  #paint() {
    this.#frame = 0;
    if (this.state === null) return;
    this.setAttribute("status", this.state.status);
    this.paint(this.state, !this.#painted);
    this.#painted = true;
  }

  #fail(event, error) {
    this.state = null;
    this.#painted = false;
    this.setAttribute("status", error.code);
    const said = this.querySelector(`:scope > [slot="${event}"]`);
    const text = document.createElement("span");
    text.part = "message";
    write(text, error.message);
    this.fill(...(said ? [] : [text]));
    if (said) said.hidden = false;
    this.#tell(event, error);
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
