// A page in TypeScript that uses all there is, and some that there is not; compiled by test_declarations.py, never run.

import { act, ApiError, connect, connection, onEnd, read, submit, submitMany, tasks, watch } from "../../frontend/js/client.js";
import { ConnectionStatus } from "../../frontend/js/elements/connection-status.js";
import { JobList } from "../../frontend/js/elements/job-list.js";
import { JobProgress } from "../../frontend/js/elements/job-progress.js";
import { JobStatus } from "../../frontend/js/elements/job-status.js";
import { JobToasts } from "../../frontend/js/elements/job-toasts.js";

const elsewhere = connect("https://jobs.example", { token: "…" });
for (const kind of [ConnectionStatus, JobList, JobProgress, JobStatus, JobToasts]) kind.define();
JobProgress.define("my-bar", elsewhere);

const job = await submit("resize", { pictures: ["a.jpg"], width: 80 }, "default");
const stop: () => void = watch(`job:${job.id}`, ({ jobs, changed, gone, error }) => {
  const state = jobs.get(changed[0] ?? gone[0] ?? "");
  if (state?.completed !== null && state?.completed !== undefined) state.completed.toFixed();
  if (error?.code === "expired") elsewhere.setToken("fresh");
});
onEnd(({ status, error }) => console.log(status === "failed" ? error?.message : "fine"))();
stop();
const { ids } = await submitMany("resize", [{ pictures: [] }]);
(await act(ids[0] as string, "stop")).status satisfies string;
(await act(job.id, "delete")).ok satisfies true;
(await read(job.id)).attempts?.map(({ attempt }) => attempt + 1);
(await tasks()).map(({ name }) => name.length);
connection.addEventListener("change", () => connection.state === "live" && connection.asOf.toFixed());
document.querySelector("job-progress")?.addEventListener("end", ({ detail }) => detail.result);
document.querySelector("job-list")?.addEventListener("open-job", ({ detail }) => detail.length);
throw new ApiError({ code: "not_found", message: "", fields: { n: { expected: "1", got: "2" } } });

// @ts-expect-error  a topic that there is not
watch("all", () => {});
// @ts-expect-error  a verb that there is not
await act(job.id, "kill");
// @ts-expect-error  what is shown may not be changed
watch("mine", ({ jobs }) => jobs.clear());
// @ts-expect-error  a status that there is not
(await submit("resize")).status === "completed";
// @ts-expect-error  a field that a state has not
job.progress;
// @ts-expect-error  null is possible
job.completed + 1;
