// The types of job-element.js.

import type { Client, ErrorCode, JobState } from "../client.js";

export interface JobEvents {
  progress: CustomEvent<JobState>;
  end: CustomEvent<JobState>;
  gone: CustomEvent<{ code: "gone"; message: string }>;
  error: CustomEvent<{ code: ErrorCode; message: string }>;
}

export class JobElement extends HTMLElement {
  /** The newest state; null before the first, and where there is none to see. */
  readonly state: JobState | null;
  static define(tag?: string, client?: Pick<Client, "watch">): void;
  addEventListener<Name extends keyof JobEvents>(
    name: Name, listener: (event: JobEvents[Name]) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(name: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}
