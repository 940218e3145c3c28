// The page `/`: forms of all tasks, and one's own jobs.

import { tasks } from "./client.js";
import { JobList } from "./elements/job-list.js";
import { element } from "./progress-view.js";
import { attempt, isSure } from "./shell.js";

JobList.define();

const list = document.querySelector("job-list");
const details = document.querySelector("job-details");

const open = (id) =>
  attempt(async () => {
    (await import("./elements/job-details.js")).JobDetails.define();
    await details.open(id);
  });
document.addEventListener("open-job", ({ detail: id }) => open(id));
list.addEventListener("act-error", ({ detail: message }) => attempt(() => Promise.reject(new Error(message))));
list.addEventListener("confirm-delete", async ({ detail: { state, resolve } }) => {
  resolve(await isSure("Delete this job?", `${state.task}, ${state.status}. Its result goes with it.`, "Delete"));
});

function section(task, isOpen) {
  const box = element("details", "task");
  box.name = "task";
  box.open = isOpen;
  const form = document.createElement("task-form");
  form.task = task;
  box.append(element("summary", "", task.name), form);
  return box;
}

const forms = document.querySelector(".tasks"); // none where nobody may start anything
if (forms !== null) await attempt(async () => {
  // the list comes first: its scripts are not kept waiting by those of the forms
  const [all, { TaskForm }] = await Promise.all([tasks(), import("./elements/task-form.js")]);
  TaskForm.define();
  forms.append(...all.map((task, index) => section(task, index === 0)));
});

/** An address that names a job opens it: that of a notification. */
function openNamed() {
  const id = new URLSearchParams(location.hash.slice(1)).get("job");
  if (id) open(id);
}
addEventListener("hashchange", openNamed);
openNamed();
