// The module a page imports: watch(topic, callback) → unwatch; submit, act; connection.

import { io } from "../vendor/socket.io.js";
import { Hub } from "./hub.js";
import { claim } from "./told.js";

/** The connection: `state` ("connecting", "live", "stale", "offline"), `asOf` (ms), event "change". */
export const connection = new Hub(io, { claim });

// a page that is put aside with an open socket could not be kept for the way back (bfcache)
addEventListener("pagehide", ({ persisted }) => persisted && connection.sleep());
addEventListener("pageshow", ({ persisted }) => persisted && connection.wake());
addEventListener("online", () => connection.wake());
document.addEventListener("visibilitychange", () => document.hidden || connection.wake());

/** Call `listener(state)` once for each end of this browser's own jobs, in one of its tabs. Returns what ends that. */
export const onEnd = (listener) => connection.onEnd(listener);

/** Watch `topic` ("job:<id>", "mine", …); see Hub.watch. Returns the function that ends it. */
export const watch = (topic, callback) => connection.watch(topic, callback);

/** What the server refused: `code`, `message`, and `fields` ({name: {expected, got}}) where some were wrong. */
export class ApiError extends Error {
  constructor({ code, message, fields }) {
    super(message);
    this.code = code;
    this.fields = fields ?? {};
  }
}

/** Queue a job; resolves to its state. Rejects with ApiError. */
export const submit = (task, args, queue = undefined) => call("POST", "/api/jobs", { task, args, queue });

/** Queue a job for each of `args`; resolves to {ids}. Rejects with ApiError. */
export const submitMany = (task, args) => call("POST", "/api/jobs/bulk", { task, args });

/** `verb`: "cancel", "stop", "requeue" or "delete". Resolves to the new state. Rejects with ApiError. */
export const act = (id, verb) => {
  const path = `/api/jobs/${encodeURIComponent(id)}`;
  return verb === "delete" ? call("DELETE", path) : call("POST", `${path}/${verb}`);
};

/** A job with its whole result, arguments, traceback and attempts. Rejects with ApiError. */
export const read = (id) => call("GET", `/api/jobs/${encodeURIComponent(id)}`);

/** The tasks that can be submitted, with the JSON Schema of their arguments. */
export const tasks = async () => (await call("GET", "/api/tasks")).tasks;

async function call(method, path, body = undefined) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: JSON.stringify(body) });
  } catch {
    throw new ApiError({ code: "unavailable", message: "The server can't be reached; try again in a moment" });
  }
  const answer = await response.json();
  if (!response.ok) throw new ApiError(answer.error);
  return answer;
}
