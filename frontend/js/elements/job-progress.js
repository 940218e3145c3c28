// <job-progress job="<id>">: one job's bar, numbers and text, live.

import { ProgressView } from "../progress-view.js";
import { JobElement } from "./job-element.js";

export class JobProgress extends JobElement {
  static tag = "job-progress";
  #view = null;
  #change = () => this.paintSoon(); // whether a scheduler is up, that some jobs wait for

  connectedCallback() {
    this.constructor.client.connection?.addEventListener("change", this.#change);
    super.connectedCallback();
  }

  disconnectedCallback() {
    this.constructor.client.connection?.removeEventListener("change", this.#change);
    super.disconnectedCallback();
  }

  paint(state, first) {
    if (first) {
      this.#view = new ProgressView();
      this.fill(...this.#view.parts);
    }
    this.#view.paint(state, this.constructor.client.connection);
  }
}
