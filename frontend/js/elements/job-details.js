// <job-details>: a dialog with all that is known of one job. Method `open(id)`.

import { read } from "../client.js";
import { pretty } from "../exact.js";
import { clock } from "../format.js";
import { element } from "../progress-view.js";
import { nameless } from "./job-row.js";

export class JobDetails extends HTMLElement {
  #dialog = element("dialog");

  static define(tag = "job-details") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    this.append(this.#dialog);
  }

  /** Show the job. Rejects with ApiError. */
  async open(id) {
    const job = await read(id);
    const close = element("button", "close", "Close");
    close.type = "button";
    close.autofocus = true;
    close.addEventListener("click", () => this.#dialog.close());
    const heading = element("h2", "", job.task || nameless(job));
    heading.id = "details-heading";
    this.#dialog.setAttribute("aria-labelledby", heading.id);
    this.#dialog.replaceChildren(heading, facts(job), ...blocks(job), close);
    this.#dialog.showModal();
  }
}

function facts(job) {
  const list = element("dl");
  const rows = [
    ["Id", job.id],
    ["Queue", job.queue],
    ["Status", job.status],
    ["Unreadable", job.unreadable],
    ["Worker", job.worker],
    ...["created", "enqueued", "started", "ended"].map((name) => [name[0].toUpperCase() + name.slice(1), time(job[`${name}_at`])]),
  ];
  for (const [name, value] of rows) if (value) list.append(element("dt", "", name), element("dd", "", value));
  return list;
}

const time = (ms) => (ms === null ? null : clock(ms));

function blocks(job) {
  const parts = [
    ["Arguments", job.args && Object.keys(job.args).length > 0 ? pretty(job.exact.args) : ""],
    ["Result", job.result === null ? "" : pretty(job.exact.result)],
    ["Error", job.error ? `${job.error.type}: ${job.error.message}` : ""],
    ["Traceback", job.traceback ?? ""],
    ["Attempts", (job.attempts ?? []).length > 1 ? job.attempts.map(attempt).join("\n") : ""],
  ];
  return parts.filter(([, text]) => text).flatMap(([name, text]) => [element("h3", "", name), element("pre", "", text)]);
}

function attempt({ attempt: number, status, started_at, error }) {
  const began = started_at === null ? "" : ` at ${clock(started_at)}`;
  const why = error ? `  ${error.type}: ${error.message}` : "";
  return `${number}  ${status}${began}${why}`;
}
