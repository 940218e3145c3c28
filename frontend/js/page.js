// The page `/`: puts the elements together.

import { onEnd, tasks } from "./client.js";
import { ConnectionStatus } from "./elements/connection-status.js";
import { JobDetails } from "./elements/job-details.js";
import { JobList } from "./elements/job-list.js";
import { TaskForm } from "./elements/task-form.js";
import { element, write } from "./progress-view.js";
import { ENDED } from "./wire.js";

const NOTICE = 6000; // ms
const loadedAt = Date.now();

for (const kind of [ConnectionStatus, JobDetails, JobList, TaskForm]) kind.define();

const list = document.querySelector("job-list");
const details = document.querySelector("job-details");
const notice = document.querySelector(".notice");
const sure = document.querySelector("dialog.sure");
let hiding = 0;

function say(text) {
  write(notice, text);
  notice.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (notice.hidden = true), NOTICE);
}

const missed = [];
onEnd((state) => {
  if (state.ended_at >= loadedAt) return; // the list shows it, and says so
  missed.push(state.status);
  const counts = ENDED.map((status) => [missed.filter((one) => one === status).length, status]);
  say(`While you were away: ${counts.filter(([count]) => count > 0).map((part) => part.join(" ")).join(", ")}`);
});

list.addEventListener("open-job", ({ detail: id }) => details.open(id).catch((error) => say(error.message)));
list.addEventListener("act-error", ({ detail: message }) => say(message));
list.addEventListener("confirm-delete", ({ detail: { state, resolve } }) => {
  write(sure.querySelector("p"), `${state.task}, ${state.status}. Its result goes with it.`);
  sure.returnValue = "";
  sure.addEventListener("close", () => resolve(sure.returnValue === "delete"), { once: true });
  sure.showModal();
});

function section(task, open) {
  const box = element("details", "task");
  box.name = "task";
  box.open = open;
  const form = document.createElement("task-form");
  form.task = task;
  box.append(element("summary", "", task.name), form);
  return box;
}

try {
  const all = await tasks();
  document.querySelector(".tasks").append(...all.map((task, index) => section(task, index === 0)));
} catch (error) {
  say(error.message);
}
