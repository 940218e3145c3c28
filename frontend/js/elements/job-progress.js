// <job-progress job="<id>">: one job, live. Attribute `status` is reflected; events "progress" and "end".

import * as own from "../client.js";
import { ProgressView, write } from "../progress-view.js";
import { hasEnded } from "../wire.js";

export class JobProgress extends HTMLElement {
  static observedAttributes = ["job"];
  #unwatch = null;
  #view = null;
  #state = null;
  #frame = 0;
  #told = ""; // the job and attempt whose end has been told

  /** Where its jobs are watched: what connect() of client.js returns. */
  static client = own;

  static define(tag = "job-progress", client = own) {
    this.client = client;
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    this.#start();
  }

  disconnectedCallback() {
    this.#stop();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#start();
  }

  #start() {
    this.#stop();
    const id = this.getAttribute("job");
    if (!id) return;
    this.#unwatch = this.constructor.client.watch(`job:${id}`, ({ jobs, gone, error }) => {
      if (error !== null || gone.includes(id)) this.#fail(error ?? { code: "not_found", message: "the job was deleted" });
      else if (jobs.has(id)) this.#take(jobs.get(id));
    });
  }

  #stop() {
    this.#unwatch?.();
    this.#unwatch = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  #take(state) {
    this.#state = state;
    this.#frame ||= requestAnimationFrame(() => this.#paint());
    this.dispatchEvent(new CustomEvent("progress", { detail: state }));
    const told = `${state.id} ${state.attempt}`;
    if (hasEnded(state) && this.#told !== told) {
      this.#told = told;
      this.dispatchEvent(new CustomEvent("end", { detail: state }));
    }
  }

  #paint() {
    this.#frame = 0;
    if (this.#view === null) {
      this.replaceChildren();
      this.#view = new ProgressView(this);
    }
    this.setAttribute("status", this.#state.status);
    this.#view.paint(this.#state);
  }

  #fail(error) {
    this.#view = null;
    this.setAttribute("status", error.code);
    write(this, error.message);
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
  }
}
