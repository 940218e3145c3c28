// <history-charts span="15m">: how much ended, how long it waited and ran. Its page gives it the data: `history`.

import { Chart, load } from "../chart.js";
import { amount, duration } from "../format.js";
import { element, write } from "../progress-view.js";
import { throughput } from "../throughput.js";

const SPANS = { "15m": "15 minutes", "24h": "24 hours" };
const TIME_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5]; // ms
const HEADINGS = ["at", "ended", "failed", "waited p50", "waited p95", "ran p50", "ran p95"];

/** 0, 76 ms, 1.7 s, 3 min, 3 min 20 s. */
function time(ms) {
  if (ms === 0) return "0";
  return ms < 1000 ? `${amount(ms)} ms` : duration(ms / 1000);
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const times = () => [{ label: "p50", colour: "--started", dash: undefined }, { label: "p95", colour: "--queued", dash: [6, 4] }];

export class HistoryCharts extends HTMLElement {
  static observedAttributes = ["span"];
  #spans = {};
  #Plot = null;
  #loading = false;
  #whose = element("select");
  #message = element("p", "history-message");
  #grid = element("div", "history-grid");
  #details = element("details", "history-figures");
  #table = element("table");
  #offered = "";
  #charts = {
    rate: new Chart([{ label: "ended", colour: "--finished", fill: true }, { label: "failed", colour: "--failed", dash: [4, 3], fill: true }], amount),
    share: new Chart([{ label: "failed", colour: "--failed", dash: [4, 3], fill: true }], (value) => `${amount(value)} %`),
    wait: new Chart(times(), time, TIME_STEPS),
    run: new Chart(times(), time, TIME_STEPS),
  };
  #resized = new ResizeObserver(() => this.#each((chart) => chart.fit()));
  #scheme = matchMedia("(prefers-color-scheme: dark)");
  #repaint = () => this.#each((chart) => chart.repaint());
  #themed = new MutationObserver(this.#repaint); // the page's own theme stands on its root

  static define(tag = "history-charts") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  constructor() {
    super();
    this.#whose.addEventListener("change", () => this.#paint());
    this.#details.addEventListener("toggle", () => this.#paintTable());
    this.#grid.setAttribute("aria-hidden", "true"); // a canvas says nothing; the table says all
    this.#grid.append(...Object.values(this.#charts).map(({ box }) => box));
    this.#message.setAttribute("role", "status");
    this.#details.append(element("summary", "", "The figures as a table"), this.#table);
  }

  /** The data of the event `history`: {spans: {"15m": {…}, "24h": {…}}}; a span that is missing stays as it was. */
  set history(history) {
    this.#spans = { ...this.#spans, ...history?.spans };
    this.#paint();
  }

  get history() {
    return { spans: this.#spans };
  }

  get span() {
    return this.getAttribute("span") in SPANS ? this.getAttribute("span") : "15m";
  }

  set span(span) {
    this.setAttribute("span", span);
  }

  attributeChangedCallback() {
    this.#paint();
  }

  connectedCallback() {
    const label = element("label", "history-whose", "Jobs of ");
    label.append(this.#whose);
    this.replaceChildren(label, this.#message, this.#grid, this.#details);
    this.#resized.observe(this);
    this.#scheme.addEventListener("change", this.#repaint);
    this.#themed.observe(document.documentElement, { attributes: true });
    this.#adopt();
    this.#paint();
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    this.#scheme.removeEventListener("change", this.#repaint);
    this.#themed.disconnect();
    this.#each((chart) => chart.remove());
  }

  /** Take what the page has given before it defined the element. */
  #adopt() {
    if (!Object.hasOwn(this, "history")) return;
    const { history } = this;
    delete this.history;
    this.history = history;
  }

  get #held() {
    return this.#spans[this.span];
  }

  #each(act) {
    for (const chart of Object.values(this.#charts)) act(chart);
  }

  /** What is chosen: the figures of all jobs, of a queue or of a task. */
  get #chosen() {
    const [kind, at] = this.#whose.value.split(" ");
    return this.#held?.[kind]?.[at] ?? this.#held?.total;
  }

  #paint() {
    if (!this.isConnected) return;
    this.#offer();
    const chosen = this.#chosen;
    const ended = chosen?.ended.some((count) => count > 0) ?? false;
    this.#grid.hidden = this.#details.hidden = !ended;
    if (chosen === undefined) write(this.#message, "The first figures are on their way.");
    else write(this.#message, ended ? "" : `None of these jobs ended in the last ${SPANS[this.span]}.`);
    if (ended) this.#paintCharts(chosen);
    this.#paintTable();
  }

  async #paintCharts(chosen) {
    if (this.#Plot === null) return this.#load();
    const { at, step, until } = this.#held;
    const { ended, failed, unit } = throughput(chosen, at, step, until);
    const share = chosen.ended.map((count, index) => (count > 0 ? (chosen.failed[index] / count) * 100 : null));
    const draw = (name, caption, lines) => this.#charts[name].draw(this.#Plot, caption, at, lines);
    draw("rate", `Jobs ended per ${unit}`, [ended, failed]);
    draw("share", "Share that failed", [share]);
    draw("wait", "Time waited", [chosen.wait.p50, chosen.wait.p95]);
    draw("run", "Time run", [chosen.run.p50, chosen.run.p95]);
  }

  async #load() {
    if (this.#loading) return;
    this.#loading = true;
    try {
      this.#Plot = await load();
      this.#paint();
    } catch (error) {
      write(this.#message, "The charts could not be loaded; the table below has the figures.");
      this.dispatchEvent(new CustomEvent("error", { detail: { code: "unavailable", message: error.message } }));
    } finally {
      this.#loading = false;
    }
  }

  /** The queues and tasks to choose from, in the place of those before; what was chosen stays chosen while it is there. */
  #offer() {
    const groups = [["queues", "Queue"], ["tasks", "Task"]].map(([kind, word]) => [kind, word, this.#held?.[kind] ?? []]);
    const offered = JSON.stringify(groups.map(([, , rows]) => rows.map(({ name, rest }) => [name, rest])));
    if (offered === this.#offered) return;
    const before = this.#whose.selectedOptions[0]?.dataset.name;
    this.#offered = offered;
    this.#whose.replaceChildren(option("all", "all queues and tasks", "all"));
    for (const [kind, word, rows] of groups) {
      const group = element("optgroup");
      group.label = `${word}s`;
      group.append(...rows.map(({ name, rest }, at) => option(`${kind} ${at}`, rest ? `all other ${kind}` : `${word.toLowerCase()} ${name || "without a name"}`, `${kind} ${rest} ${name}`)));
      if (rows.length > 0) this.#whose.append(group);
    }
    for (const one of this.#whose.options) if (one.dataset.name === before) one.selected = true;
  }

  /** Only while it is open: seventy rows each time. */
  #paintTable() {
    const chosen = this.#chosen;
    if (!this.#details.open || chosen === undefined) return this.#table.replaceChildren();
    const head = element("tr");
    for (const heading of HEADINGS) head.append(cell("th", heading, "col"));
    const rows = this.#held.at.map((at, index) => {
      const row = element("tr");
      const spent = [chosen.wait.p50, chosen.wait.p95, chosen.run.p50, chosen.run.p95].map((list) => list[index]);
      const texts = [chosen.ended[index], chosen.failed[index], ...spent.map((ms) => (ms === null ? "none" : time(ms)))];
      row.append(cell("th", clock.format(at * 1000), "row"), ...texts.map((text) => cell("td", String(text))));
      return row;
    });
    const [top, body] = [element("thead"), element("tbody")];
    top.append(head);
    body.append(...rows.reverse()); // the newest first
    this.#table.replaceChildren(element("caption", "", `${this.#whose.selectedOptions[0].textContent}, the last ${SPANS[this.span]}`), top, body);
  }
}

function option(value, text, name) {
  const made = element("option", "", text);
  made.value = value;
  made.dataset.name = name;
  return made;
}

function cell(tag, text, scope = undefined) {
  const made = element(tag, "", text);
  if (scope !== undefined) made.scope = scope;
  return made;
}
