// The page `/`: puts the elements together.

import { tasks } from "./client.js";
import { ConnectionStatus } from "./elements/connection-status.js";
import { JobDetails } from "./elements/job-details.js";
import { JobList } from "./elements/job-list.js";
import { JobToasts } from "./elements/job-toasts.js";
import { NoticeSettings } from "./elements/notice-settings.js";
import { TaskForm } from "./elements/task-form.js";
import { element, write } from "./progress-view.js";

const NOTICE = 6000; // ms

for (const kind of [ConnectionStatus, JobDetails, JobList, JobToasts, NoticeSettings, TaskForm]) kind.define();

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

const open = (id) => details.open(id).catch((error) => say(error.message));
document.addEventListener("open-job", ({ detail: id }) => open(id));
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

/** An address that names a job opens it: that of a notification. */
function openNamed() {
  const id = new URLSearchParams(location.hash.slice(1)).get("job");
  if (id) open(id);
}
addEventListener("hashchange", openNamed);
openNamed();
