// The types of job-toasts.js: <job-toasts>.

import type { Client, JobState } from "../client.js";

export class JobToasts extends HTMLElement {
  static define(tag?: string, client?: Pick<Client, "onEnd">): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "job-toasts": JobToasts;
  }
  interface HTMLElementEventMap {
    told: CustomEvent<JobState[]>;
  }
}
