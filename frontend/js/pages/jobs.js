// Jobs: found by what is typed, by status, page by page; those in sight are live. What is asked for stands in the address.

import { connection, watch } from "../client.js";
import { element, write } from "../progress-view.js";
import { acts, at, attempt, button, link } from "../shell.js";
import { STATUSES } from "../wire.js";
import { Bulk } from "./bulk.js";
import { LiveRow } from "./live-row.js";
import { get } from "./post.js";

const LIMIT = 50;
const params = new URLSearchParams(location.search);
const query = params.get("q") ?? "";
const status = STATUSES.includes(params.get("status")) ? params.get("status") : "";

/** All that is asked for, in the language of the search box. */
const asked = [query, status && `state:${status}`].filter(Boolean).join(" ");

const form = document.querySelector(".search");
const tabs = document.querySelector(".tabs");
const found = document.querySelector(".found");
const pages = document.querySelector(".pages");
const boxes = new Map(); // id → the box that selects it
const selected = new Set();
const bar = document.querySelector(".bulk");
const bulk = new Bulk(bar, { asked, selected, selectAll });

bar.hidden = !acts;

/** The address of these jobs with some parameters changed. */
function address(changes) {
  const next = new URLSearchParams({ q: query, status, ...changes });
  for (const [name, value] of [...next]) if (!value) next.delete(name);
  return next.size > 0 ? `/jobs?${next}` : "/jobs";
}

form.q.value = query;
if (params.has("search")) form.q.focus();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(at(address({ q: form.q.value.trim(), cursor: "" })));
});

// -- counts by status

/** All that match, where the first page has shown them all; else they are asked for. */
let known = null;

function countOf(jobs) {
  const counts = {};
  for (const { status: one } of jobs) counts[one] = (counts[one] ?? 0) + 1;
  return { by_status: counts, more: false };
}

async function count() {
  const { by_status: counts, more } = known ?? (await get(`/api/counts?${new URLSearchParams({ q: query })}`));
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const shown = [["", total], ...STATUSES.filter((one) => one === status || counts[one] > 0).map((one) => [one, counts[one] ?? 0])];
  tabs.replaceChildren(
    ...shown.map(([one, number]) => {
      const tab = link(one || "all", address({ status: one, cursor: "" }));
      tab.append(element("b", "", number.toLocaleString("en-US") + (more ? "+" : "")));
      if (one === status) tab.setAttribute("aria-current", "page");
      return tab;
    }),
  );
  bulk.total = status ? (counts[status] ?? 0) : total;
  bulk.paint();
  return total;
}

// -- rows

function add(list, state) {
  const box = element("input");
  box.type = "checkbox";
  box.setAttribute("aria-label", `Select ${state.task} ${state.id.slice(0, 8)}`);
  box.addEventListener("change", () => {
    selected[box.checked ? "add" : "delete"](state.id);
    bulk.paint();
  });
  list.append(new LiveRow(state.id, { state, parts: acts ? [box] : [] }).element);
  boxes.set(state.id, box);
}

function selectAll(isOn) {
  for (const [id, box] of boxes) {
    box.checked = isOn;
    selected[isOn ? "add" : "delete"](id);
  }
  bulk.paint();
}

function nothing(total) {
  const said = element("div", "nothing");
  if (total > 0) said.append(element("p", "", "The search took too long to look at all: go on with “Older”."));
  else if (asked) said.append(element("p", "", "No job matches."), link("Show all jobs", "/jobs"));
  else said.append(element("p", "", "No jobs yet."), link("Start one", "/"));
  return said;
}

async function load() {
  const cursor = params.get("cursor") ?? "";
  const wanted = new URLSearchParams({ q: asked, limit: LIMIT, ...(cursor && { cursor }) });
  const { jobs, cursor: next } = await get(`/api/jobs?${wanted}`);
  const list = element("div", "rows");
  list.setAttribute("role", "list");
  for (const state of jobs) add(list, state);
  found.replaceChildren(jobs.length > 0 ? list : nothing(next ? 1 : 0));
  pages.replaceChildren();
  if (!cursor && !next && !status) known = countOf(jobs); // to look through all of them once is enough
  if (cursor) pages.append(link("Newest", address({ cursor: "" })));
  if (next) pages.append(link("Older", address({ cursor: next })));
  bulk.shown = jobs.length;
}

// -- what came since: it waits behind a line, and nothing jumps

function noteNew(since) {
  const line = element("p", "list-summary");
  line.setAttribute("role", "status");
  line.hidden = true;
  found.before(line);
  const show = button("", () => location.assign(at(address({ cursor: "" }))));
  line.append(show);
  let before = null; // how many there were when the queues were first told
  let more = 0; // how many there are beyond those
  const mine = new Set(); // one's own, which may be told before the queues are
  const tell = () => {
    const count = Math.max(more, mine.size);
    line.hidden = count <= 0;
    write(show, `${count.toLocaleString("en-US")} new`);
  };
  watch("stats", ({ data, error }) => {
    if (error !== null || !data?.stats || query) return;
    const names = status ? [status] : ["queued", "deferred", "scheduled", "started", "finished", "failed", "canceled"];
    const sum = data.stats.queues.reduce((all, queue) => all + names.reduce((part, name) => part + (queue[name] ?? 0), 0), 0);
    before ??= sum;
    more = sum - before;
    tell();
  });
  watch("mine", ({ jobs, changed, error }) => {
    if (error !== null || query) return;
    for (const id of changed) {
      const { created_at: at, status: one } = jobs.get(id);
      if (!boxes.has(id) && at > connection.now() - (performance.now() - since) && (!status || one === status)) mine.add(id);
    }
    if (mine.size > 0) tell();
  });
}

const opened = performance.now(); // ms; by no clock that anybody sets
if (await attempt(load)) {
  await attempt(count);
  noteNew(opened);
} else found.replaceChildren(link("Show all jobs", "/jobs"));
