// One job: its bar, all that is known of it, what became of each attempt, its log, and what may be done with it.

import { act, connection, read, watch } from "../client.js";
import { JobLog } from "../elements/job-log.js";
import { JobProgress } from "../elements/job-progress.js";
import { ACTIONS, WORDS, nameless } from "../elements/job-row.js";
import { JobStatus } from "../elements/job-status.js";
import { Raw, pretty } from "../exact.js";
import { around, beginning, clock, duration } from "../format.js";
import { element, write } from "../progress-view.js";
import { acts, at, attempt, button, isSure, link, pageOf, searchFor } from "../shell.js";
import { get, post } from "./post.js";
import { drawTimeline } from "./timeline.js";
import { traceback } from "./trace.js";

const SECOND = 1000; // ms
const AGAIN = 2000; // ms until what could not be read is asked for again
const LIVE = 20; // relatives whose status moves; the others' is that of when they were read
const [NARROWEST, WIDEST, BESIDE] = [220, 720, 64]; // px
const LARGE = 20_000; // characters of a result that is shown at once
for (const kind of [JobLog, JobProgress, JobStatus]) kind.define();

const id = idOf(location.pathname.split("/").at(-1));
const main = document.querySelector("main");
const head = element("div", "head");
const card = element("section", "card");
const log = element("job-log");
const outcome = element("div");
const rest = element("div");
const asked = element("div"); // its arguments, and what somebody writes there to run it again
const relatives = element("div");
let drawn = null; // the job of which all is shown
let picture = null; // of its life

/** The id that the last part of an address says; as it stands there where it is none that can be decoded. */
function idOf(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A block with a heading; null where there is nothing to show. */
function block(name, ...parts) {
  const made = element("section", "card");
  made.append(element("h2", "", name), ...parts);
  return made;
}

/** A JSON text, laid out; of a long one its beginning. */
function pre(json) {
  if (json.length <= LARGE) return element("pre", "", pretty(json));
  return long(json, (part) => element("pre", "", part), `${beginning(pretty(json, LARGE), LARGE)}…`, pretty);
}

/** What `draw` makes of `text`; of a long one, of `part` of it, with a button that shows all, as `lay` has it. */
function long(text, draw, part, lay = (all) => all) {
  if (text.length <= LARGE) return draw(text);
  const made = draw(part);
  const more = button(`Show all ${text.length.toLocaleString("en-US")} characters`, () => {
    made.textContent = lay(text);
    more.remove();
  });
  const both = element("div");
  both.append(made, more);
  return both;
}

const age = (at) => `${duration((connection.now() - at) / 1000)} ago / ${clock(at)}`;

function facts(job) {
  const list = element("dl");
  const add = (name, value) => {
    if (value === null || value === undefined || value === "") return;
    const shown = element("dd");
    shown.append(value);
    list.append(element("dt", "", name), shown);
  };
  add("Id", job.id);
  add("Description", job.description);
  add("Queue", job.queue && link(job.queue, searchFor(`queue:${job.queue}`)));
  add("Worker", job.worker);
  add("Attempt", job.attempt > 1 ? String(job.attempt) : null);
  for (const name of ["created", "enqueued", "started", "ended"]) {
    const when = job[`${name}_at`];
    if (when === null) continue;
    const shown = element("span", "", age(when));
    shown.dataset.at = when;
    add(name[0].toUpperCase() + name.slice(1), shown);
  }
  if (Object.keys(job.meta).length > 0) add("Meta", job.exact.meta);
  return list;
}

/** For the timeline, px: on a phone its words are to be as large as on a desk. */
const room = () => Math.max(NARROWEST, Math.min(WIDEST, main.clientWidth - BESIDE));

function attempts(job) {
  const list = element("ol");
  for (const { attempt: number, status, started_at, ended_at, error } of job.attempts) {
    const took = started_at !== null && ended_at !== null ? ` in ${duration((ended_at - started_at) / 1000)}` : "";
    const began = started_at === null ? "" : `, began ${clock(started_at)}`;
    const why = error ? `: ${error.type}: ${error.message}` : "";
    const line = element("li", "", `${status}${took}${began}${why}`);
    line.value = number;
    line.dataset.status = status;
    list.append(line);
  }
  return list;
}

function again(job) {
  const input = element("textarea", "code");
  input.rows = 4;
  const before = pretty(job.exact.args);
  input.value = before;
  input.setAttribute("aria-label", "Arguments as JSON");
  const run = button("Run again with these", () => attempt(async () => {
    // what was not touched is the server's to know; what was goes as it was typed, once it is JSON
    if (input.value !== before) JSON.parse(input.value);
    const body = input.value === before ? undefined : { args: new Raw(input.value) };
    const made = await post(`/api/jobs/${encodeURIComponent(id)}/again`, body);
    location.assign(at(pageOf(made.id)));
  }), "requeue");
  const box = element("details");
  box.append(element("summary", "", "Run again with changed arguments"), input, run);
  return box;
}

function result(job) {
  if (job.result !== null) return pre(job.exact.result);
  return element("p", "quiet", job.result_truncated ? "It can't be read." : "The task returned nothing.");
}

const failure = (text) => long(text, traceback, around(text, LARGE));

function fill(job) {
  [drawn, picture] = [job, null];
  const isMine = "attempts" in job;
  const told = job.unreadable ? [element("p", "quiet", `${job.unreadable}.`)] : [];
  if (job.status === "finished") told.push(block("Result", result(job)));
  if (job.error) told.push(block("Error", failure(job.traceback || `${job.error.type}: ${job.error.message}`)));
  outcome.replaceChildren(...told);
  const parts = [block("Facts", facts(job))];
  if (isMine) parts.push(block("Timeline", (picture = drawTimeline(job, room(), connection.now())), attempts(job)));
  rest.replaceChildren(...parts);
  if (!isMine || !job.args) asked.replaceChildren();
  else if (asked.children.length === 0) {
    asked.append(block("Arguments", pre(job.exact.args), ...(acts ? [again(job)] : [])));
  }
  if (isMine) attempt(showRelatives);
  else relatives.replaceChildren();
}

/** The jobs that this one waits for, and those that wait for it, as links. */
async function showRelatives() {
  const found = await get(`/api/jobs/${encodeURIComponent(id)}/relatives`);
  const list = (jobs) => {
    const made = element("ul", "relatives");
    for (const [index, job] of jobs.entries()) {
      const line = element("li");
      const isLive = job.status !== null && index < LIVE;
      const status = element(isLive ? "job-status" : "span", "", job.status ?? "gone");
      if (isLive) status.setAttribute("job", job.id);
      line.append(link(`${job.task ?? "a job"} ${job.id.slice(0, 8)}`, pageOf(job.id)), " ", status);
      made.append(line);
    }
    return made;
  };
  const parts = [];
  if (found.dependencies.length > 0) parts.push(block("Waits for", list(found.dependencies)));
  if (found.dependents.length > 0) parts.push(block("Wait for it", list(found.dependents)));
  if (found.more) parts.push(element("p", "quiet", "There are more than these."));
  relatives.replaceChildren(...parts);
}

function offer(status) {
  for (const old of head.querySelectorAll("button")) old.remove();
  for (const verb of ACTIONS[status] ?? []) head.append(button(WORDS[verb], () => ask(verb), verb));
}

async function ask(verb) {
  if (verb === "delete" && !(await isSure("Delete this job?", "Its result goes with it.", "Delete"))) return;
  await attempt(() => act(id, verb));
}

function begin(job) {
  const name = job.task || nameless(job);
  document.title = `${name} · Headway`;
  const status = element("job-status");
  status.setAttribute("job", id);
  head.replaceChildren(element("h1", "", name), status);
  const bar = element("job-progress");
  bar.setAttribute("job", id);
  card.replaceChildren(bar);
  if ("attempts" in job) log.setAttribute("job", id);
  main.replaceChildren(head, card, outcome, block("Log", log), rest, asked, relatives);
}

/** What runs, or waits, takes longer by the second, as far as we know; and what is over is longer ago. */
function draw() {
  const chosen = getSelection();
  const isRead = !chosen.isCollapsed && rest.contains(chosen.anchorNode); // somebody copies an id or a time
  if (isRead || document.hidden || connection.paused || connection.state !== "live") return;
  for (const one of rest.querySelectorAll("[data-at]")) write(one, age(Number(one.dataset.at)));
  if (picture === null || drawn.ended_at !== null) return;
  const next = drawTimeline(drawn, room(), connection.now());
  picture.setAttribute("viewBox", next.getAttribute("viewBox"));
  picture.replaceChildren(...next.children); // itself it stays, for whoever reads there
}
setInterval(draw, SECOND);

const moment = (state) => `${state.attempt} ${state.status}`;
let newest = null; // the state that was told last; null of a job that is gone
let shown = ""; // the moment of which all is shown
let isReading = false;

/** Read all of the job where its status is another one; one after the other, and again until it succeeds. */
async function look() {
  if (isReading || newest === null || moment(newest) === shown) return;
  const wanted = moment(newest);
  isReading = true;
  const isDone = await attempt(async () => {
    const job = await read(id);
    if (newest === null) return; // it was deleted meanwhile
    shown = wanted;
    if (!main.contains(head)) begin(job);
    offer(job.status);
    fill(job);
  });
  isReading = false;
  if (isDone) look();
  else setTimeout(look, AGAIN);
}

watch(`job:${id}`, ({ jobs, gone, error }) => {
  if (error !== null && error.code !== "unavailable") {
    [newest, shown] = [null, ""];
    return main.replaceChildren(element("div", "nothing", error.message));
  }
  if (gone.includes(id)) {
    newest = picture = null;
    return offer("gone");
  }
  newest = jobs.get(id) ?? newest;
  return look();
});
