// <job-progress job="<id>">: one job's bar, numbers and text, live.

import { ProgressView } from "../progress-view.js";
import { JobElement } from "./job-element.js";

export class JobProgress extends JobElement {
  static tag = "job-progress";
  #view = null;

  paint(state, first) {
    if (first) {
      this.#view = new ProgressView();
      this.fill(...this.#view.parts);
    }
    this.#view.paint(state);
  }
}
