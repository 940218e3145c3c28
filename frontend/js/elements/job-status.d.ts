// The types of job-status.js: <job-status job="…">, with the events "progress", "end", "gone" and "error".

import { JobElement } from "./job-element.js";

export class JobStatus extends JobElement {}

declare global {
  interface HTMLElementTagNameMap {
    "job-status": JobStatus;
  }
}
