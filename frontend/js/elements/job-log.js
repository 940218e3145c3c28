// <job-log job="<id>">: the lines of a job's log, live: appended, searched, followed or not, downloaded.

import * as own from "../client.js";
import { HOME } from "../home.js";
import { element, write } from "../progress-view.js";

const KEPT = 1000; // lines on the page, as many as the server keeps
const EDGE = 40; // px from the end within which a reader counts as being there

export class JobLog extends HTMLElement {
  static observedAttributes = ["job"];
  static client = own;
  #unwatch = null;
  #last = 0; // the number of the newest line that stands here
  #data = null;
  #frame = 0;
  #follow = element("input");
  #search = element("input");
  #load = element("a", "", "Download");
  #box = element("div", "log");
  #said = element("p", "quiet");

  static define(tag = "job-log", client = own) {
    this.client = client;
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    const bar = element("div", "bulk");
    const follow = element("label", "spread");
    Object.assign(this.#follow, { type: "checkbox", checked: true });
    follow.append(this.#follow, " Follow");
    Object.assign(this.#search, { type: "search", placeholder: "Search in these lines" });
    this.#search.setAttribute("aria-label", "Search in these lines");
    this.#search.addEventListener("input", () => this.#paintAll());
    this.#follow.addEventListener("change", () => this.#scroll());
    bar.append(follow, this.#search, this.#load);
    this.#box.tabIndex = 0;
    this.#box.setAttribute("role", "log");
    this.#box.setAttribute("aria-live", "off"); // a flood of lines is nothing to be read aloud
    this.#box.setAttribute("aria-label", "Lines of the log");
    this.#box.addEventListener("scroll", () => this.#leave(), { passive: true });
    this.replaceChildren(this.#said, bar, this.#box);
    this.#start();
  }

  disconnectedCallback() {
    this.#unwatch?.();
    this.#unwatch = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#start();
  }

  #start() {
    this.#unwatch?.();
    const id = this.getAttribute("job");
    this.#show(id ? "No lines yet." : "The lines are for the job's owner and operators.");
    if (!id) return;
    this.#load.href = new URL(`api/jobs/${encodeURIComponent(id)}/log?format=text`, HOME).href;
    this.#load.download = "";
    this.#unwatch = this.constructor.client.watch(`log:${id}`, ({ data, error }) => {
      if (error !== null && error.code !== "unavailable") return this.#show(error.message);
      this.#data = data;
      this.#frame ||= requestAnimationFrame(() => this.#paint());
    });
  }

  /** Words in place of lines. */
  #show(text) {
    write(this.#said, text);
    this.#said.hidden = text === "";
    this.#box.hidden = this.#box.previousElementSibling.hidden = text !== "";
  }

  #paint() {
    this.#frame = 0;
    const { lines } = this.#data ?? { lines: [] };
    this.#show(lines.length > 0 ? "" : "No lines yet.");
    const fresh = lines.filter(({ n }) => n > this.#last);
    if (fresh.length === 0 && lines.length > 0) return;
    if (fresh.length === lines.length) this.#box.replaceChildren();
    this.#append(fresh);
  }

  #paintAll() {
    this.#box.replaceChildren();
    this.#last = 0;
    this.#append(this.#data?.lines ?? []);
  }

  #append(lines) {
    const sought = this.#search.value.toLowerCase();
    const made = document.createDocumentFragment();
    for (const line of lines) {
      if (this.#last > 0 && line.n > this.#last + 1) made.append(leftOut(line.n - this.#last - 1));
      this.#last = line.n;
      if (!sought || line.text.toLowerCase().includes(sought)) made.append(drawn(line, sought));
    }
    this.#box.append(made);
    while (this.#box.childElementCount > KEPT) this.#box.firstElementChild.remove();
    this.#scroll();
  }

  #scroll() {
    if (this.#follow.checked) this.#box.scrollTop = this.#box.scrollHeight;
  }

  /** Who scrolls up reads, and is not to be torn away; who comes back to the end follows again. */
  #leave() {
    this.#follow.checked = this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < EDGE;
  }
}

function leftOut(count) {
  return element("p", "left-out", `… ${count.toLocaleString("en-US")} lines left out`);
}

function drawn({ at, level, text }, sought) {
  const line = element("p");
  line.dataset.level = level;
  const time = element("time", "", new Date(at).toLocaleTimeString("en-GB"));
  time.dateTime = new Date(at).toISOString();
  line.append(time);
  let rest = text;
  while (sought && rest.toLowerCase().includes(sought)) {
    const start = rest.toLowerCase().indexOf(sought);
    line.append(rest.slice(0, start), element("mark", "", rest.slice(start, start + sought.length)));
    rest = rest.slice(start + sought.length);
  }
  line.append(rest);
  return line;
}
