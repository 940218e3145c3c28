// Workers: what each does, whether it is heard, and what may be asked of it. All of it comes with the topic `stats`.

import { connection, watch } from "../client.js";
import { JobProgress } from "../elements/job-progress.js";
import { duration } from "../format.js";
import { element, write } from "../progress-view.js";
import { attempt, button, isSure, link, pageOf } from "../shell.js";
import { post } from "./post.js";
import { Table } from "./table.js";
import { warn } from "./warnings.js";

JobProgress.define();

const PARTS_NAMED = 3; // of each release

const since = (ms) => (ms ? duration((connection.now() - ms) / 1000) : null);
const ago = (ms) => (ms ? `${since(ms)} ago` : null);
const careers = new Map(); // name → {born_at, done, failed, version}
const isSilent = ({ name }) => careers.get(name)?.silent === true;

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
    await attempt(() => post("/api/workers/shutdown", { name }));
  }
}

function whereabouts(host, { pid, version } = {}) {
  return [host, pid && `process ${pid}`, version && `RQ ${version}`].filter(Boolean).join(" · ");
}

/** Such as "Releases differ: 0.1.0+1f2e3d4c (web a:1), 0.1.0+5a6b7c8d (worker b, worker c and 4 more). Restart the older parts." */
function differ(releases) {
  const named = ([release, parts]) => {
    const more = parts.length > PARTS_NAMED ? ` and ${parts.length - PARTS_NAMED} more` : "";
    return `${release} (${parts.slice(0, PARTS_NAMED).join(", ")}${more})`;
  };
  return `Releases differ: ${Object.entries(releases).map(named).join(", ")}. Restart the older parts.`;
}

const table = new Table(document.querySelector("table.workers"), [
  { name: "Worker", show: ({ name }) => name },
  { name: "State", show: (worker) => (isSilent(worker) ? `${worker.state}, silent` : worker.state) },
  { name: "Queue", show: ({ queue }) => queue },
  { name: "Job", show: showJob },
  { name: "Heartbeat", number: true, show: ({ heartbeat_at }) => ago(heartbeat_at) },
  { name: "Up", number: true, show: ({ name }) => since(careers.get(name)?.born_at) },
  { name: "Done", number: true, show: ({ name }) => careers.get(name)?.done?.toLocaleString("en-US") ?? null },
  { name: "Failed", number: true, show: ({ name }) => careers.get(name)?.failed?.toLocaleString("en-US") ?? null },
  { name: "Host", show: ({ name, host }) => whereabouts(host, careers.get(name)) },
  { name: "", show: showActs },
]);
const wait = document.querySelector("section .quiet");
const warnings = document.querySelector(".warnings");
const all = document.querySelector(".head");
const ask = (verb) => attempt(() => post(`/api/workers/${verb}`));
const hold = button("Suspend all", () => ask("suspend"), "delete");
const resume = button("Resume all", () => ask("resume"), "requeue");
all.append(hold, resume);

let newest = null; // {stats, workers, history}
let frame = 0;

function paint() {
  frame = 0;
  const { stats: { workers }, workers: { workers: known, suspended, releases } } = newest;
  careers.clear();
  for (const worker of known) careers.set(worker.name, worker);
  [hold.disabled, resume.disabled] = [suspended, !suspended];
  write(wait, "No worker is up: start one with “python run.py worker”.");
  wait.hidden = workers.length > 0;
  const rows = table.paint(workers, ({ name }) => name);
  for (const worker of workers) rows.get(worker.name).toggleAttribute("data-silent", isSilent(worker));
  const said = workers.filter(isSilent).map(({ name }) => `${name} is silent.`);
  if (suspended) said.push("Workers are suspended: they take no jobs until they are resumed.");
  if (Object.keys(releases ?? {}).length > 1) said.push(differ(releases));
  warn(warnings, said);
}

watch("stats", ({ data, error }) => {
  if (error !== null && error.code !== "unavailable") return write(wait, error.message);
  newest = data;
  if (newest?.stats && newest.workers) frame ||= requestAnimationFrame(paint);
});
