// Workers: what each does, whether it is heard, and what may be asked of it. All of it comes with the topic `stats`.

import { watch } from "../client.js";
import { JobProgress } from "../elements/job-progress.js";
import { duration } from "../format.js";
import { element, write } from "../progress-view.js";
import { attempt, button, isSure, link, pageOf } from "../shell.js";
import { get, post } from "./post.js";
import { Table } from "./table.js";

const SILENT = 5000; // ms without a heartbeat while it runs a job
const IDLE_SILENT = 30_000; // ms; who waits for a job says so every few seconds

JobProgress.define();

const ago = (ms) => (ms ? `${duration(Math.max(0, Date.now() - ms) / 1000)} ago` : null);
const isSilent = ({ state, heartbeat_at }) => Date.now() - heartbeat_at > (state === "busy" ? SILENT : IDLE_SILENT);

function showJob({ job }, cell) {
  if ((cell.dataset.job ?? "") === (job ?? "")) return;
  cell.dataset.job = job ?? "";
  cell.replaceChildren();
  if (!job) return;
  const bar = element("job-progress");
  bar.setAttribute("job", job);
  cell.append(link(job.slice(0, 8), pageOf(job)), bar);
}

function showActs({ name, job }, cell) {
  if (cell.firstElementChild === null) {
    const box = element("div", "actions");
    const stop = button("Stop job", () => attempt(() => post(`/api/jobs/${encodeURIComponent(cell.dataset.job)}/stop`)), "stop");
    box.append(stop, button("Shut down", () => shutDown(name), "delete"));
    cell.append(box);
  }
  cell.dataset.job = job ?? "";
  cell.firstElementChild.firstElementChild.disabled = !job;
}

async function shutDown(name) {
  const what = "It ends the job it runs, and takes no other. What keeps it running may start it again.";
  if (await isSure(`Shut down ${name}?`, what, "Shut down")) {
    await attempt(() => post(`/api/workers/${encodeURIComponent(name)}/shutdown`));
  }
}

const table = new Table(document.querySelector("table.workers"), [
  { name: "Worker", show: ({ name }) => name },
  { name: "State", show: (worker) => (isSilent(worker) ? `${worker.state}, silent` : worker.state) },
  { name: "Queue", show: ({ queue }) => queue },
  { name: "Job", show: showJob },
  { name: "Heartbeat", number: true, show: ({ heartbeat_at }) => ago(heartbeat_at) },
  { name: "Up", number: true, show: ({ born_at }) => (born_at ? duration((Date.now() - born_at) / 1000) : null) },
  { name: "Done", number: true, show: ({ done }) => done?.toLocaleString("en-US") ?? null },
  { name: "Failed", number: true, show: ({ failed }) => failed?.toLocaleString("en-US") ?? null },
  { name: "Host", show: ({ host, version }) => [host, version && `RQ ${version}`].filter(Boolean).join(" · ") },
  { name: "", show: showActs },
]);
const wait = document.querySelector("section .quiet");
const warnings = document.querySelector(".warnings");
const all = document.querySelector(".head");
const ask = (verb) => attempt(async () => {
  await post(`/api/workers/${verb}`);
  await look();
});
const hold = button("Suspend all", () => ask("suspend"), "delete");
const resume = button("Resume all", () => ask("resume"), "requeue");
all.append(hold, resume);

let newest = null;
let frame = 0;
let suspended = false;

/** Whether all are suspended, which no topic tells. */
async function look() {
  ({ suspended } = await get("/api/workers"));
  [hold.disabled, resume.disabled] = [suspended, !suspended];
  if (newest !== null) frame ||= requestAnimationFrame(paint);
}

function paint() {
  frame = 0;
  const { workers } = newest;
  write(wait, "No worker is up: start one with “python run.py worker”.");
  wait.hidden = workers.length > 0;
  const rows = table.paint(workers, ({ name }) => name);
  for (const worker of workers) rows.get(worker.name).toggleAttribute("data-silent", isSilent(worker));
  const silent = workers.filter(isSilent).map(({ name, heartbeat_at }) => `${name} has been silent for ${duration((Date.now() - heartbeat_at) / 1000)}.`);
  if (suspended || workers.some(({ state }) => state === "suspended")) silent.push("Workers are suspended: they take no jobs until they are resumed.");
  warnings.replaceChildren(...silent.map((text) => element("li", "", text)));
}

attempt(look);

watch("stats", ({ data, error }) => {
  if (error !== null && error.code !== "unavailable") return write(wait, error.message);
  newest = data?.stats ?? newest;
  if (newest !== null) frame ||= requestAnimationFrame(paint);
});
