// The types of job-list.js: <job-list topic="mine">.

import type { Client, JobState } from "../client.js";

export class JobList extends HTMLElement {
  static define(tag?: string, client?: Pick<Client, "watch" | "act">): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "job-list": JobList;
  }
  interface HTMLElementEventMap {
    "open-job": CustomEvent<string>;
    "act-error": CustomEvent<string>;
    "confirm-delete": CustomEvent<{ state: JobState; resolve: (sure: boolean) => void }>;
  }
}
