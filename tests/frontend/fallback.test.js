// frontend/js/fallback.js and over-http.js: a page whose network lets no socket through.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Fallback } from "../../frontend/js/fallback.js";
import { readOverHttp } from "../../frontend/js/over-http.js";
import { RemoteHub } from "../../frontend/js/remote-hub.js";
import { FIELDS } from "../../frontend/js/wire.js";
import { listener, state, turn } from "./fakes.js";

const NOW = 1_790_000_000_000; // ms

let hub;
let port; // the hub's side of it
let asked; // topics that were read over HTTP
let answer; // what they hold, or why they can't be read

beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"], now: NOW });
  asked = [];
  answer = () => ({ jobs: [state("a", 1)], more: false });
  const way = (hear) => {
    port = { hear };
    return { post: () => {}, close: () => {} };
  };
  const read = async (topic) => {
    asked.push(topic);
    return answer();
  };
  hub = new RemoteHub([way], async () => new Fallback(read));
});

afterEach(() => {
  hub.close();
  mock.timers.reset();
});

/** Let `ms` pass while the hub says that it is `said`. */
async function pass(ms, said = "connecting") {
  for (let passed = 0; passed < ms; passed += 500) {
    mock.timers.tick(500);
    port.hear({ state: said, as_of: Date.now() });
    await turn();
  }
}

test("without ever a connection, what is watched is read after 5 s, and each 5 s from then on", async () => {
  const listen = listener();
  hub.watch("mine", listen);
  await pass(4500);
  assert.deepEqual([asked, hub.state], [[], "connecting"]);
  await pass(1000);
  assert.deepEqual([asked, hub.state], [["mine"], "blocked"]);
  assert.deepEqual(listen.told.at(-1).jobs.map(({ id }) => id), ["a"]);
  answer = () => ({ jobs: [state("b", 2)], more: false });
  await pass(5000);
  assert.equal(asked.length, 2);
  assert.deepEqual([listen.told.at(-1).changed, listen.told.at(-1).gone], [["b"], ["a"]]);
  hub.watch("job:b", listener());
  await pass(1000);
  assert.deepEqual(asked.slice(2), ["mine", "job:b"]);
});

test("a connection that comes ends it, and one that is lost later is no reason for it", async () => {
  hub.watch("mine", listener());
  await pass(6000);
  assert.equal(hub.state, "blocked");
  port.hear({ topic: "mine", token: null, jobs: [], gone: [], more: false, data: null, error: null, whole: true });
  await pass(1000, "live");
  assert.equal(hub.state, "live");
  await pass(20_000, "offline");
  assert.deepEqual([asked.length, hub.state], [1, "offline"]);
});

test("a server that is away is no network that blocks", async () => {
  answer = () => Promise.reject(new Error("away"));
  const listen = listener();
  hub.watch("mine", listen);
  await pass(12_000);
  assert.deepEqual([asked.length, hub.state, listen.told.length], [2, "connecting", 0]);
});

test("each topic is read where the API has it", async () => {
  const job = { ...Object.fromEntries(FIELDS.map((name) => [name, null])), id: "a", version: 1, args: { n: 1 } };
  const api = {
    "/api/jobs?mine=true&limit=200": { jobs: [job], cursor: "7" },
    "/api/jobs?queue=mail&limit=200": { jobs: [], cursor: null },
    "/api/jobs/a%2Fb": job,
    "/api/jobs/a/log": { lines: [{ n: 1 }], first: 1, last: 1 },
    "/api/queues": { queues: [], scheduler: false },
    "/api/workers": { workers: [], suspended: true },
    "/api/history?span=15m": { span: "15m" },
    "/api/history?span=24h": { span: "24h" },
  };
  const get = async (path) => {
    if (!(path in api)) throw Object.assign(new Error("no such job"), { code: "not_found" });
    return api[path];
  };
  assert.equal((await readOverHttp(get, "mine")).more, true);
  assert.deepEqual(await readOverHttp(get, "queue:mail"), { jobs: [], more: false });
  assert.deepEqual(Object.keys((await readOverHttp(get, "job:a/b")).jobs[0]), FIELDS);
  assert.equal((await readOverHttp(get, "log:a")).last, 1);
  const { data } = await readOverHttp(get, "stats");
  assert.deepEqual([data.stats.scheduler, data.workers.suspended, Object.keys(data.history.spans)], [false, true, ["15m", "24h"]]);
  assert.deepEqual(await readOverHttp(get, "job:none"), { error: { code: "not_found", message: "no such job" } });
});
