// The module a page imports: watch(topic, callback) → unwatch; submit, act; connection. connect() for another server.

import { Ends } from "./ends.js";
import { Raw, isPlain, membersOf, parseBig, stringify } from "./exact.js";
import { HOME } from "./home.js";
import { RemoteHub } from "./remote-hub.js";
import { claim } from "./told.js";
import { waysTo } from "./ways.js";

const COURTESY = 250; // ms by which a hidden tab lets those in sight tell an end first

/** What the server refused: `code`, `message`, and `fields` ({name: {expected, got}}) where some were wrong. */
export class ApiError extends Error {
  constructor({ code, message, fields }) {
    super(message);
    this.code = code;
    this.fields = fields ?? {};
  }
}

/**
 * A client of the installation at `url` ("https://jobs.example"; the one that this module is from where it is left out), as this is
 * one of its own. `token`, of POST /api/tokens, is the right to watch what this browser's session may not, and to act
 * on it where it says so; `setToken(fresh)` before it expires leaves no gap.
 */
export function connect(url = HOME, { token = null } = {}) {
  const base = (url || HOME).replace(/\/$/, "");
  const hub = new RemoteHub(waysTo(base), loadFallback);
  const turn = () => new Promise((resolve) => (document.hidden ? setTimeout(resolve, COURTESY) : resolve()));
  const ends = new Ends(claim, (ids) => hub.seen(ids), turn);
  const watches = new Set(); // {topic, callback, stop}
  let deafen = null;
  let bearer = token;

  /** `read(text)` is what the answer comes to; `by` the token that is used. */
  async function call(method, path, body = undefined, { read = JSON.parse, by = bearer } = {}) {
    const headers = body === undefined ? {} : { "Content-Type": "application/json" };
    if (by !== null) headers.Authorization = `Bearer ${by}`;
    let response, answer;
    try {
      response = await fetch(`${base}${path}`, { method, headers, body: stringify(body) });
      answer = read(await response.text()); // not of a proxy whose server is away
    } catch {
      throw new ApiError({ code: "unavailable", message: "The server can't be reached; try again in a moment" });
    }
    if (!response.ok) throw new ApiError(answer.error);
    return answer;
  }

  async function loadFallback() {
    const [{ Fallback }, { readOverHttp }] = await Promise.all([import("./fallback.js"), import("./over-http.js")]);
    return new Fallback((topic, by) => readOverHttp((path) => call("GET", path, undefined, { by: by ?? bearer }), topic));
  }

  // ports have no end of their own, and a page that is put aside with open ones could not be kept for the way back
  addEventListener("pagehide", () => hub.sleep());
  addEventListener("pageshow", ({ persisted }) => persisted && hub.wake());
  addEventListener("online", () => hub.wake());
  document.addEventListener("visibilitychange", () => document.hidden || hub.wake());

  return {
    /** The connection: `state` ("connecting", "live", "stale", "offline", "blocked"), `asOf` (ms), event "change". */
    connection: hub,

    /** Use another token from now on: what is watched goes on without a gap, what was refused is asked for again. */
    setToken(fresh) {
      bearer = fresh;
      for (const watch of watches) {
        const stop = watch.stop;
        watch.stop = hub.watch(watch.topic, watch.callback, fresh);
        stop();
      }
    },

    /**
     * Watch `topic` ("job:<id>", "mine", …): calls `callback({topic, jobs, more, changed, gone, error})` now and on every
     * change; see Hub.watch. Returns the function that ends it.
     */
    watch(topic, callback) {
      const watch = { topic, callback, stop: hub.watch(topic, callback, bearer) };
      watches.add(watch);
      return () => {
        watches.delete(watch);
        watch.stop();
      };
    },

    /** Call `listener(state)` once for each end of this browser's own jobs, in one of its tabs. Returns what ends that. */
    onEnd(listener) {
      const stop = ends.listen(listener);
      deafen ??= hub.hear((message) => ends.tell(message));
      return () => {
        stop();
        if (ends.size > 0) return;
        deafen?.();
        deafen = null;
      };
    },

    /** Queue a job; resolves to its state. `args` is an object, or the JSON text of one. Rejects with ApiError. */
    submit: (task, args, queue = undefined) => call("POST", "/api/jobs", { task, args: typeof args === "string" ? new Raw(args) : args, queue }),

    /** Queue a job for each of `args`; resolves to {ids}. Rejects with ApiError. */
    submitMany: (task, args) => call("POST", "/api/jobs/bulk", { task, args }),

    /** `verb`: "enqueue" (now), "cancel", "stop", "requeue" or "delete". Resolves to the new state. Rejects with ApiError. */
    act(id, verb) {
      const path = `/api/jobs/${encodeURIComponent(id)}`;
      return verb === "delete" ? call("DELETE", path) : call("POST", `${path}/${verb}`);
    },

    /**
     * A job with its whole result, arguments, traceback and attempts; `exact` has the JSON texts of `args`, `result` and `meta` as
     * they came, with the numbers that JavaScript can't hold. Rejects with ApiError.
     */
    read: (id) => call("GET", `/api/jobs/${encodeURIComponent(id)}`, undefined, { read: withTexts }),

    /** The tasks that can be submitted, with the JSON Schema of their arguments; an integer in it beyond 2^53 is a BigInt. */
    tasks: async () => (await call("GET", "/api/tasks", undefined, { read: parseBig })).tasks,
  };
}

const EXACT = ["args", "result", "meta"];

function withTexts(text) {
  const job = JSON.parse(text);
  const members = isPlain(text) ? null : membersOf(text); // it is large, maybe, and nearly always plain
  const exact = {};
  for (const name of EXACT) {
    if (name in job) Object.defineProperty(exact, name, { enumerable: true, get: () => members?.get(name) ?? JSON.stringify(job[name]) });
  }
  return { ...job, exact };
}

// that of the server this page is from; it connects with the first watch
export const { connection, watch, onEnd, submit, submitMany, act, read, tasks } = connect();
