// Schedule: what cron schedulers will queue, the jobs that wait for their time, and those that wait for other jobs.

import { connection, watch } from "../client.js";
import { clock, duration, zone } from "../format.js";
import { element, write } from "../progress-view.js";
import { acts, at, attempt, button, link, pageOf, say, searchFor } from "../shell.js";
import { LiveRow } from "./live-row.js";
import { post } from "./post.js";
import { Table } from "./table.js";
import { NO_SCHEDULER, warn } from "./warnings.js";

const SILENT = 70_000; // ms; a cron scheduler says each minute that it is there
const SHORT = 8; // characters of an id that tell one job from another

const ahead = (ms) => (ms > connection.now() ? `in ${duration((ms - connection.now()) / 1000)}` : "due");
/** What an entry is called; one that was given no name has its function's path. */
const shortName = ({ name, task }) => (name === task ? task.split(".").at(-1) : name);
const moment = (ms) => (ms ? `${clock(ms)} ${zone(ms)}` : null);

const place = document.querySelector("table.cron");
const table = new Table(place, [
  { name: "Name", show: shortName },
  { name: "When", show: ({ every, cron }) => (cron ? `${cron} (UTC)` : `every ${duration(every)}`) },
  { name: "Next", show: ({ next_at: next }) => (next ? `${ahead(next)} / ${moment(next)}` : null) },
  { name: "Last", show: ({ last_at: last }) => moment(last) },
  { name: "Arguments", show: ({ args }) => args || null },
  {
    name: "Queue",
    show: ({ queue }, cell) => {
      if (cell.textContent !== queue) cell.replaceChildren(link(queue, searchFor(`queue:${queue}`)));
    },
  },
  {
    name: "",
    show: (entry, cell) => {
      cell.entry = entry;
      if (!acts || cell.firstElementChild !== null) return;
      const box = element("div", "actions");
      box.append(button("Enqueue now", () => enqueue(cell.entry), "enqueue"));
      cell.append(box);
    },
  },
]);
const warnings = document.querySelector(".warnings");
const schedulers = document.querySelector(".schedulers");
let newest = null;
let frame = 0;

const enqueue = (entry) =>
  attempt(async () => {
    const { scheduler, number, name } = entry;
    const { id } = await post("/api/cron/enqueue", { scheduler, number, name });
    say(`${shortName(entry)} is queued as ${id.slice(0, SHORT)}.`, pageOf(id));
  });

/** A list of live rows, each with a line above it that `above(job)` fills. */
class Waiting {
  #rows = new Map(); // id → {row, above}
  #list;
  #head;
  #none;
  #rest; // leads to those that are not shown
  #above;

  constructor(section, above) {
    this.#list = section.querySelector(".rows");
    this.#head = section.querySelector("h2");
    this.#none = section.querySelector(".quiet");
    this.#rest = link("Show all", searchFor("", section.className));
    section.append(this.#rest);
    this.#above = above;
  }

  paint(name, { total, jobs }, nothing) {
    this.#rest.hidden = total <= jobs.length;
    write(this.#head, [`${name} ${total.toLocaleString("en-US")}`, total > jobs.length && `the next ${jobs.length}`].filter(Boolean).join(", "));
    write(this.#none, nothing);
    this.#none.hidden = total > 0;
    const ids = new Set(jobs.map(({ id }) => id));
    for (const [id, { row }] of this.#rows) {
      if (ids.has(id)) continue;
      row.stop();
      row.element.remove();
      this.#rows.delete(id);
    }
    jobs.forEach((job, position) => {
      if (!this.#rows.has(job.id)) {
        const above = element("p", "job-above");
        this.#rows.set(job.id, { row: new LiveRow(job.id, { parts: [above] }), above });
      }
      const { row, above } = this.#rows.get(job.id);
      this.#above(job, above);
      if (this.#list.children[position] !== row.element) this.#list.insertBefore(row.element, this.#list.children[position] ?? null);
    });
  }
}

const scheduled = new Waiting(document.querySelector(".scheduled"), ({ at: due }, line) => write(line, `${ahead(due)} / ${moment(due)}`));
const deferred = new Waiting(document.querySelector(".deferred"), ({ waits_for: ids, tasks }, line) => {
  const names = ids.map((id, index) => [tasks?.[index], id.slice(0, SHORT)].filter(Boolean).join(" "));
  if (line.dataset.names === names.join()) return;
  line.dataset.names = names.join();
  line.replaceChildren(ids.length > 0 ? "Waits for " : "Waits");
  ids.forEach((id, index) => line.append(...(index > 0 ? [", "] : []), link(names[index], pageOf(id))));
});

function paint() {
  frame = 0;
  const { cron } = newest;
  const entries = cron.flatMap(({ name: scheduler, entries: all }) => all.map((entry, number) => ({ ...entry, scheduler, number })));
  table.paint(entries, ({ scheduler, number }) => `${scheduler} ${number}`);
  place.hidden = entries.length === 0;
  const who = cron.map(({ name, file }) => [name, file].filter(Boolean).join(", ")).join(" · ");
  write(schedulers, who || "No cron scheduler is up. Set HEADWAY_CRON to a file that registers tasks, and they are queued again and again.");
  const silent = cron.filter(({ heartbeat_at: heard }) => connection.now() - heard > SILENT).map(({ name }) => `The cron scheduler ${name} is silent.`);
  warn(warnings, [...(newest.scheduler === false ? [NO_SCHEDULER] : []), ...silent]);
  scheduled.paint("Scheduled", newest.scheduled, "No job waits for its time.");
  deferred.paint("Deferred", newest.deferred, "No job waits for another one.");
}

watch("schedule", ({ data, error }) => {
  if (error !== null && error.code !== "unavailable") return write(schedulers, error.message);
  newest = data ?? newest;
  if (newest !== null) frame ||= requestAnimationFrame(paint);
});
setInterval(() => newest !== null && (frame ||= requestAnimationFrame(paint)), 1000); // what is ahead comes nearer
