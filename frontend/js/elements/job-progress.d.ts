// The types of job-progress.js: <job-progress job="…">, with the events "progress", "end", "gone" and "error".

import { JobElement } from "./job-element.js";

export class JobProgress extends JobElement {}

declare global {
  interface HTMLElementTagNameMap {
    "job-progress": JobProgress;
  }
}
