// A program that a stranger writes with openapi-typescript and openapi-fetch; compiled and run by test_generated.py.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[]; exit(code: number): never };
const [baseUrl, token] = process.argv.slice(2) as [string, string];
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

function is(what: string, fine: boolean): void {
  if (!fine) throw new Error(what);
}

/** What an answer holds; an error of its own shape where it is one. */
function got<T>(answer: { data?: T; error?: components["schemas"]["ErrorAnswer"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.error.message);
  return answer.data;
}

const made = await api.POST("/api/jobs", { body: { task: "background_work" } });
const job = got(made);
is("Location", made.response.headers.get("Location") === `/api/jobs/${job.id}`);
const path = { id: job.id };
const detail = got(await api.GET("/api/jobs/{id}", { params: { path } }));
is("detail", detail.status === "queued" && detail.args !== undefined && detail.meta["anything"] === undefined);
const { jobs } = got(await api.GET("/api/jobs", { params: { query: { status: "queued", limit: 200 } } }));
is("list", jobs.some(({ id }) => id === job.id));
const counts = got(await api.GET("/api/counts", { params: { query: { verb: "cancel" } } }));
is("counts", (counts.by_status.queued ?? 0) > 0);
const log = got(await api.GET("/api/jobs/{id}/log", { params: { path } }));
is("log", typeof log !== "string" && log.lines.length === 0);
const text = await api.GET("/api/jobs/{id}/log", { params: { path, query: { format: "text" } }, parseAs: "text" });
is("log as text", (text.data ?? "") === "" && text.response.headers.get("Content-Type")?.startsWith("text/plain") === true);
const again = got(await api.POST("/api/jobs/{id}/again", { params: { path } }));
is("again", again.id !== job.id && again.task === job.task);
is("cancel", got(await api.POST("/api/jobs/{id}/cancel", { params: { path } })).status === "canceled");
const twice = await api.POST("/api/jobs/{id}/cancel", { params: { path } });
is("conflict", twice.response.status === 409 && twice.error?.error.code === "conflict");
is("action", got(await api.POST("/api/actions", { body: { verb: "delete", ids: [job.id, again.id] } })).total === 2);
const grant = got(await api.POST("/api/tokens", { body: { topics: [`job:${job.id}`], expires: 60 } }));
is("token", grant.token.length > 0 && grant.expires_at > Date.now());
const [task] = got(await api.GET("/api/tasks")).tasks;
is("task", task !== undefined && "properties" in task.arguments);

// @ts-expect-error  a verb that there is not
await api.POST("/api/actions", { body: { verb: "kill", ids: [job.id] } }).catch(() => {});
// @ts-expect-error  a status that there is not
is("no status", job.status !== "completed");
