// The page's own hub and store, many of them, as tabs of one browser. Answers each line of stdin with a line of stdout.

import { createInterface } from "node:readline";

import { Ends } from "../../frontend/js/ends.js";
import { Hub } from "../../frontend/js/hub.js";
import { io } from "../../frontend/node_modules/socket.io-client/build/esm/index.js";

let tabs = [];
let ends = {};
let lies = [];

function open({ url, cookie, count }) {
  const claimed = new Set();
  const claim = async (keys) => keys.filter((key) => !claimed.has(key) && claimed.add(key));
  const connect = (_, options) => io(url, { ...options, forceNew: true, extraHeaders: { Cookie: cookie } });
  [ends, lies] = [{}, []];
  tabs = Array.from({ length: count }, () => {
    const tab = { hub: new Hub(connect), jobs: new Map() };
    tab.hub.watch("mine", ({ jobs, changed, gone }) => {
      for (const id of changed) check(tab.jobs.get(id), jobs.get(id));
      for (const id of changed) tab.jobs.set(id, jobs.get(id));
      for (const id of gone) tab.jobs.delete(id);
    });
    const told = new Ends(claim, (ids) => tab.hub.seen(ids));
    told.listen(({ id, attempt }) => (ends[`${id} ${attempt}`] = (ends[`${id} ${attempt}`] ?? 0) + 1));
    tab.hub.hear((message) => told.tell(message));
    return tab;
  });
}

/** Note what no true state can do after another. */
function check(held, state) {
  if (held === undefined) return;
  if (state.version < held.version) lies.push(`${state.id}: an older state`);
  if (state.attempt < held.attempt) lies.push(`${state.id}: attempt ${state.attempt} after ${held.attempt}`);
  const same = state.attempt === held.attempt && state.unit === held.unit;
  if (same && state.completed < held.completed) lies.push(`${state.id}: ${state.completed} after ${held.completed}`);
}

const look = () => ({
  ends,
  lies,
  tabs: tabs.map(({ hub, jobs }) => ({
    live: hub.state === "live",
    versions: Object.fromEntries([...jobs].map(([id, state]) => [id, state.version])),
  })),
});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { open: options, close } = JSON.parse(line);
    if (options) open(options);
    if (close) for (const { hub } of tabs.splice(0)) hub.close();
    console.log(JSON.stringify(look()));
  })
  .on("close", () => process.exit());
