// Queues: how many jobs are where, what is wrong, how fast it goes. All of it comes with the topic `stats`.

import { connection, watch } from "../client.js";
import { duration } from "../format.js";
import { element, write } from "../progress-view.js";
import { at, attempt, button, isSure, link, searchFor } from "../shell.js";
import { post } from "./post.js";
import { Table } from "./table.js";
import { NO_SCHEDULER, warn } from "./warnings.js";

const LONG = 60_000; // ms that the oldest job of a queue may wait before it is worth a word
const COUNTS = ["queued", "deferred", "scheduled", "started", "finished", "failed", "canceled"];

/** A cell with a count that leads to the jobs it counts. */
function counted(status) {
  const show = (queue, cell) => {
    if (cell.firstElementChild === null) cell.append(link("", searchFor(`queue:${queue.name}`, status)));
    const [a] = cell.children;
    write(a, queue[status].toLocaleString("en-US"));
    a.dataset.count = queue[status];
  };
  return { name: status[0].toUpperCase() + status.slice(1), number: true, show };
}

const name = {
  name: "Queue",
  show: (queue, cell) => {
    if (cell.firstElementChild === null) cell.append(link(queue.name, searchFor(`queue:${queue.name}`)));
  },
};
const oldest = {
  name: "Oldest",
  number: true,
  show: ({ queued, oldest_at }) => (queued > 0 && oldest_at ? duration((connection.now() - oldest_at) / 1000) : null),
};
const acts = {
  name: "",
  show: (queue, cell) => {
    if (cell.firstElementChild === null) {
      const box = element("div", "actions");
      box.append(button("Requeue failed", () => requeue(queue.name), "requeue"), button("Empty queue", () => empty(queue.name), "delete"));
      cell.append(box);
    }
    const [first, second] = cell.firstElementChild.children;
    first.disabled = queue.failed === 0;
    second.disabled = queue.queued === 0;
  },
};

const table = new Table(document.querySelector("table.queues"), [
  name,
  ...COUNTS.map(counted),
  { name: "Workers", number: true, show: ({ workers }) => workers },
  oldest,
  acts,
]);
const tiles = document.querySelector(".tiles");
const warnings = document.querySelector(".warnings");
const wait = document.querySelector("section .quiet");
const charts = document.querySelector("history-charts");
let newest = null;
let drawn = null; // the history that the charts show
let frame = 0;

const requeue = (queue) => attempt(() => post(`/api/queues/${encodeURIComponent(queue)}/requeue-failed`));
async function empty(queue) {
  const count = newest.stats.queues.find((one) => one.name === queue).queued.toLocaleString("en-US");
  if (!(await isSure(`Empty the queue ${queue}?`, `${count} jobs that wait on it are deleted.`, "Empty queue"))) return;
  await attempt(() => post(`/api/queues/${encodeURIComponent(queue)}/empty`));
}

function troubles({ queues, scheduler }) {
  const said = queues.flatMap(({ name: queue, queued, workers, oldest_at, blocked_by }) => {
    if (blocked_by) {
      const theirs = "a job that Headway did not start and leaves alone";
      return [`${queue}: blocked by ${blocked_by}, ${theirs}. Jobs behind it wait until a worker of its own application takes it.`];
    }
    if (queued === 0) return [];
    const jobs = `${queued.toLocaleString("en-US")} ${queued === 1 ? "job waits" : "jobs wait"}`;
    const age = oldest_at ? connection.now() - oldest_at : 0;
    const old = age > LONG ? `, the oldest for ${duration(age / 1000)}` : "";
    if (workers === 0) return [`${queue}: ${jobs}${old}, and no worker listens.`];
    return old ? [`${queue}: ${jobs}${old}.`] : [];
  });
  return scheduler === false ? [NO_SCHEDULER, ...said] : said;
}

function tile(label, value, path) {
  let box = [...tiles.children].find((one) => one.dataset.label === label);
  if (box === undefined) {
    box = element(path ? "a" : "div", "tile");
    if (path) box.href = at(path);
    box.dataset.label = label;
    box.append(element("b"), element("span", "", label));
    tiles.append(box);
  }
  write(box.firstElementChild, value);
}

function paint() {
  frame = 0;
  const { stats, history } = newest;
  if (stats) {
    if (!wait.hidden) loadCharts();
    wait.hidden = true;
    table.paint(stats.queues, (queue) => queue.name);
    warn(warnings, troubles(stats));
    const busy = stats.workers.filter(({ state }) => state === "busy").length;
    tile("workers up", String(stats.workers.length), "/workers");
    tile("workers busy", String(busy), "/workers");
    tile("jobs wait", stats.queues.reduce((sum, { queued }) => sum + queued, 0).toLocaleString("en-US"), "/jobs?status=queued");
    tile("jobs run", stats.queues.reduce((sum, { started }) => sum + started, 0).toLocaleString("en-US"), "/jobs?status=started");
    if (stats.rate) tile("ended a second", String(Math.round(stats.rate.ended * 10) / 10));
    if (stats.rate) tile("failed a second", String(Math.round(stats.rate.failed * 10) / 10), "/jobs?status=failed");
  }
  if (history && drawn !== history) charts.history = drawn = history;
}

watch("stats", ({ data, error }) => {
  if (error !== null && error.code !== "unavailable") return write(wait, error.message);
  newest = data;
  if (newest !== null) frame ||= requestAnimationFrame(paint);
});

/** The charts, whose library is large: they come once the queues are there. */
function loadCharts() {
  import("../elements/history-charts.js").then(
    ({ HistoryCharts }) => HistoryCharts.define(),
    () => (document.querySelector(".charts").hidden = true), // there are none to show
  );
}

const spans = document.querySelectorAll("[data-span]");
for (const span of spans) {
  span.addEventListener("click", () => {
    charts.setAttribute("span", span.dataset.span);
    for (const one of spans) one.setAttribute("aria-pressed", one === span);
  });
}
