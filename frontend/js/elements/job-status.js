// <job-status job="<id>">: one job's status as a word, live.

import { element, write } from "../progress-view.js";
import { JobElement } from "./job-element.js";

export class JobStatus extends JobElement {
  static tag = "job-status";
  #word = element("span");

  paint(state, first) {
    if (first) {
      this.#word.part = "word";
      this.fill(this.#word);
    }
    write(this.#word, state.status);
  }
}
