// frontend/js/remote-hub.js, serving.js and leader.js: one hub, many tabs, whatever lies between.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Hub } from "../../frontend/js/hub.js";
import { Leader, portOver } from "../../frontend/js/leader.js";
import { RemoteHub } from "../../frontend/js/remote-hub.js";
import { Serving } from "../../frontend/js/serving.js";
import { FakeSocket, listener, refusal, snapshot, state, turn } from "./fakes.js";

const NOW = 1_790_000_000_000; // ms
const LINGER = 6000; // ms, and a little more

let socket;
let serving;
let heard; // what tabs said to the hub

beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"], now: NOW });
  socket = new FakeSocket();
  serving = new Serving(new Hub(() => socket));
  heard = [];
});

afterEach(() => mock.timers.reset());

/** A way to the hub that `serving` lends, as the port of a SharedWorker: copies pass in order, a turn later. */
function wayToServing(hear) {
  const mine = serving;
  const pass = (deliver) => queueMicrotask(() => mine === serving && deliver());
  const port = { postMessage: (message) => pass(() => hear(structuredClone(message))) };
  mine.serve(port);
  const post = (message) => {
    heard.push(message);
    const copy = structuredClone(message);
    pass(() => port.onmessage({ data: copy }));
  };
  return { post, close: () => {} };
}

const newTab = () => new RemoteHub([wayToServing]);

/** Two tabs that watch `mine` on a connection that is live, with `jobs` as its snapshot. */
async function twoTabs(jobs = []) {
  const [one, two] = [newTab(), newTab()];
  const [first, second] = [listener(), listener()];
  const stops = [one.watch("mine", first), two.watch("mine", second)];
  await turn();
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", jobs));
  await turn();
  return { one, two, first, second, stops };
}

/** Let `ms` pass while the server beats. */
async function beat(ms) {
  for (let passed = 0; passed < ms; passed += 500) {
    mock.timers.tick(500);
    if (passed % 2000 === 0 && socket.connected) socket.receive("relay", { state: "live", since: NOW });
    await turn();
  }
}

test("two tabs share one socket and one watch, and both are told", async () => {
  const { one, two, first, second } = await twoTabs([state("a", 1)]);
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  await turn();
  assert.deepEqual(socket.topicsOf("watch"), [["mine"]]);
  for (const { told } of [first, second]) {
    assert.deepEqual(told.map(({ jobs }) => jobs), [[state("a", 1)], [state("a", 2)]]);
  }
  assert.deepEqual([one.state, two.state], ["live", "live"]);
});

test("a tab that comes late gets the whole at once", async () => {
  await twoTabs([state("a", 1), state("b", 1)]);
  const late = listener();
  newTab().watch("mine", late);
  await turn();
  assert.deepEqual(late.told.map(({ jobs }) => jobs), [[state("a", 1), state("b", 1)]]);
  assert.deepEqual(socket.topicsOf("watch"), [["mine"]]);
});

test("only what changed passes over the ports", async () => {
  const { first } = await twoTabs([state("a", 1), state("b", 1)]);
  socket.receive("jobs", { topic: "mine", jobs: [state("b", 2)] });
  await turn();
  assert.deepEqual(first.told.at(-1).changed, ["b"]);
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1), state("b", 2)]);
});

test("a listener that fails keeps nothing from the others, nor from itself", async () => {
  const failures = mock.method(globalThis, "setTimeout", () => 0);
  const tab = newTab();
  let calls = 0;
  tab.watch("mine", () => {
    calls += 1;
    throw new Error("a bug of the page");
  });
  const other = listener();
  tab.watch("mine", other);
  await turn();
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", [state("a", 1)]));
  await turn();
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  await turn();
  assert.deepEqual(other.told.at(-1)?.jobs, [state("a", 2)]);
  assert.deepEqual([calls, tab.state], [2, "live"]);
  assert.ok(failures.mock.calls.every(({ arguments: [run] }) => assert.throws(run, /a bug of the page/) === undefined));
  failures.mock.restore();
});

test("a job that is gone is gone in all tabs", async () => {
  const { first, second } = await twoTabs([state("a", 1), state("b", 1)]);
  socket.receive("gone", { topic: "mine", jobs: [{ id: "a", version: 3 }] });
  await turn();
  for (const { told } of [first, second]) {
    assert.deepEqual([told.at(-1).gone, told.at(-1).jobs], [["a"], [state("b", 1)]]);
  }
});

test("many watches of one turn are one message to the hub, and one to the server", async () => {
  await twoTabs();
  heard.length = 0;
  const tab = newTab();
  for (const id of "abc") tab.watch(`job:${id}`, listener());
  await turn();
  await turn();
  assert.deepEqual(heard.filter(({ watch }) => watch).map(({ watch }) => watch.length), [3]);
  assert.deepEqual(socket.topicsOf("watch").at(-1), ["job:a", "job:b", "job:c"]);
});

test("the last tab that leaves a topic lets it go, after it has lingered", async () => {
  const { stops } = await twoTabs();
  stops[0]();
  await beat(LINGER);
  assert.deepEqual(socket.topicsOf("unwatch"), []);
  stops[1]();
  await beat(LINGER);
  assert.deepEqual(socket.topicsOf("unwatch"), [["mine"]]);
});

test("a tab that says goodbye, or whose port closes, watches no more", async () => {
  const { one, two } = await twoTabs();
  one.sleep();
  two.close();
  await beat(LINGER);
  assert.deepEqual(socket.topicsOf("unwatch"), [["mine"]]);
});

test("a tab that dies without a word is forgotten after three minutes, while others speak", async () => {
  await twoTabs();
  wayToServing(() => {}).post({ join: [["job:a", null]], hears: true });
  await beat(175_000);
  assert.deepEqual(socket.topicsOf("unwatch"), []);
  await beat(12_000);
  assert.deepEqual(socket.topicsOf("unwatch"), [["job:a"]]);
});

test("what an error hid comes back as a whole", async () => {
  const { first } = await twoTabs([state("a", 1), state("b", 1)]);
  socket.drop();
  socket.open();
  socket.acknowledge(refusal("mine", "unavailable"));
  await turn();
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1), state("b", 1)]);
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", [state("a", 1), state("b", 2)]));
  await turn();
  assert.equal(first.told.at(-1).error, null);
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1), state("b", 2)]);
});

test("a refusal reaches the tab, with its reason", async () => {
  await twoTabs();
  const refused = listener();
  newTab().watch("jobs", refused);
  await turn();
  await turn();
  socket.acknowledge(refusal("jobs", "forbidden"));
  await turn();
  assert.equal(refused.told[0].error.code, "forbidden");
});

test("a tab is as live as its hub", async () => {
  const { one } = await twoTabs();
  socket.receive("relay", { state: "stale", since: NOW });
  await turn();
  assert.equal(one.state, "stale");
  socket.drop();
  await turn();
  assert.equal(one.state, "offline");
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  await turn();
  assert.equal(one.state, "stale", "what it shows has not been read again yet");
  socket.acknowledge(snapshot("mine", []));
  await turn();
  assert.equal(one.state, "live");
});

test("where the hub's timers stand still, since it is in a hidden tab, the beats of others move it", async () => {
  await twoTabs([state("a", 1)]);
  const said = [];
  const watcher = wayToServing(({ state: now }) => now && said.push(now));
  watcher.post({ join: [], hears: false });
  await turn();
  mock.timers.setTime(NOW + 6000); // no timer runs, and the server has said nothing
  watcher.post({ beat: true });
  await turn();
  assert.equal(said.at(-1), "offline", "it has left the connection that says nothing");
  assert.equal(socket.tries, 1);
  socket.drop();
  socket.open();
  socket.drop();
  watcher.post({ beat: true });
  await turn();
  assert.equal(socket.tries, 1, "not before its time");
  mock.timers.setTime(NOW + 12_000);
  watcher.post({ beat: true });
  await turn();
  assert.equal(socket.tries, 2);
});

test("a hub that falls silent is noticed, and another one is asked for all that is watched", async () => {
  const { one, first } = await twoTabs([state("a", 1)]);
  socket = new FakeSocket();
  serving = new Serving(new Hub(() => socket)); // the browser has ended the worker, without a word
  await beat(4500);
  assert.equal(one.state, "stale");
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1)]);
  await beat(1500);
  assert.equal(one.state, "stale", "the new hub is not connected yet");
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", [state("a", 2)]));
  await turn();
  assert.equal(one.state, "live");
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 2)]);
});

test("a tab that slept is not live until the hub has answered, and asks for no other hub", async () => {
  const { one, first } = await twoTabs([state("a", 1)]);
  heard.length = 0;
  mock.timers.setTime(NOW + 3_600_000); // frozen: no timer ran
  socket.receive("relay", { state: "live", since: NOW });
  const states = [];
  one.addEventListener("change", () => states.push(one.state));
  one.wake();
  await turn();
  assert.deepEqual(states, ["stale", "live"]);
  assert.ok(heard.every(({ join }) => join === undefined));
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1)]);
});

test("a page that was put aside joins again with what it holds", async () => {
  const { one, first } = await twoTabs([state("a", 1)]);
  one.sleep();
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  await turn();
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1)]);
  one.wake();
  await turn();
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 2)]);
  assert.deepEqual(socket.topicsOf("watch"), [["mine"]]);
});

test("a hub that does not know a tab asks it to say all", async () => {
  const { first } = await twoTabs([state("a", 1)]);
  serving.close(); // as if it had been silent for minutes
  await beat(2500);
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  await turn();
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 2)]);
});

test("ends reach all tabs that hear, and what a tab has seen reaches the server", async () => {
  const { one, two } = await twoTabs();
  const ends = [];
  one.hear(({ jobs }) => ends.push(jobs));
  two.hear(({ jobs }) => ends.push(jobs));
  await turn();
  socket.receive("ended", { jobs: [state("a", 1, "finished")], more: 0 });
  await turn();
  assert.equal(ends.length, 2);
  one.seen([["a", 1]]);
  await turn();
  assert.deepEqual(socket.sent.at(-1).slice(0, 2), ["seen", { ids: [["a", 1]] }]);
});

test("an end that a tab was told, and did not live to report, is told to the next", async () => {
  const { one } = await twoTabs();
  one.hear(() => {});
  await turn();
  socket.receive("ended", { jobs: [{ ...state("a", 1, "finished"), attempt: 1 }], more: 0 });
  await turn();
  one.close();
  const late = newTab();
  const ends = [];
  late.hear(({ jobs }) => ends.push(...jobs.map(({ id }) => id)));
  await turn();
  assert.deepEqual(ends, ["a"]);
  late.seen([["a", 1]]);
  await turn();
  newTab().hear(({ jobs }) => ends.push(...jobs));
  await turn();
  assert.deepEqual(ends, ["a"], "what was seen is over");
});

test("a tab that heard for nobody hears again what it did not report", async () => {
  const { one } = await twoTabs();
  const ends = [];
  const hear = ({ jobs }) => ends.push(...jobs.map(({ id }) => id));
  one.hear(hear)();
  await turn();
  socket.receive("ended", { jobs: [{ ...state("a", 1, "finished"), attempt: 1 }], more: 0 });
  await turn();
  one.hear(hear);
  await turn();
  assert.deepEqual(ends, ["a"]);
});

test("a new hub that can read nothing yet takes nothing away", async () => {
  const { one, first } = await twoTabs([state("a", 1)]);
  socket = new FakeSocket();
  serving = new Serving(new Hub(() => socket));
  await beat(6500);
  socket.open();
  socket.acknowledge(refusal("mine", "unavailable"));
  await turn();
  assert.deepEqual(first.told.at(-1).jobs, [state("a", 1)]);
  socket.receive("relay", { state: "live", since: NOW });
  await turn();
  assert.equal(one.state, "stale");
  socket.acknowledge(snapshot("mine", []));
  await turn();
  assert.deepEqual([first.told.at(-1).jobs, one.state], [[], "live"]);
});

test("a tab that is frozen is sent nothing after three minutes, though no other one speaks", async () => {
  await twoTabs();
  const sent = [];
  const port = { postMessage: (message) => sent.push(message) };
  const hub = { addEventListener: () => {}, watch: (_, tell) => ((port.tell = tell), () => (port.stopped = true)), state: "live", asOf: NOW };
  new Serving(hub).serve(port);
  port.onmessage({ data: { join: [["mine", null]], hears: false } });
  const view = { jobs: new Map(), changed: [], gone: [], more: false, error: null };
  port.tell(view);
  mock.timers.setTime(NOW + 200_000);
  const before = sent.length;
  port.tell(view);
  assert.deepEqual([before, sent.length, port.stopped], [2, 2, true]);
});

test("where there is no worker the next way is taken", async () => {
  const nowhere = () => {
    throw new Error("no such thing in this browser");
  };
  let fail;
  const broken = (_, failed) => ((fail = failed), { post: () => {}, close: () => {} });
  const tab = new RemoteHub([nowhere, broken, wayToServing]);
  const told = listener();
  tab.watch("mine", told);
  fail();
  await turn();
  socket.open();
  socket.acknowledge(snapshot("mine", [state("a", 1)]));
  await turn();
  assert.deepEqual(told.told[0].jobs, [state("a", 1)]);
});

test("a worker that never answers is given up for the next way", async () => {
  const mute = () => ({ post: () => {}, close: () => {} });
  const tab = new RemoteHub([mute, wayToServing]);
  tab.watch("mine", listener());
  await beat(11_000);
  socket.open();
  assert.deepEqual(socket.topicsOf("watch"), [["mine"]]);
});

// -- one tab leads

/** Locks as of Web Locks, for the name in use: requests are granted one after the other; a steal ends the one who holds. */
class FakeLocks {
  #queue = [];
  #held = null;

  request(_, { steal = false, signal }, run) {
    return new Promise((resolve, reject) => {
      const request = { run, resolve, reject };
      const abort = () => reject(new DOMException("taken away", "AbortError"));
      signal?.addEventListener("abort", () => {
        const at = this.#queue.indexOf(request);
        if (at >= 0) this.#queue.splice(at, 1), abort();
      });
      if (steal) {
        this.#held?.reject(new DOMException("stolen", "AbortError"));
        this.#held = null;
        this.#queue.unshift(request);
      } else this.#queue.push(request);
      this.#grant();
    });
  }

  async #grant() {
    if (this.#held !== null || this.#queue.length === 0) return;
    const request = (this.#held = this.#queue.shift());
    try {
      request.resolve(await request.run());
    } catch (error) {
      request.reject(error);
    }
    if (this.#held === request) this.#held = null;
    this.#grant();
  }
}

/** Tabs of which one leads; `sockets` are those that leaders open. */
function tabsWithLeader(count) {
  const locks = new FakeLocks();
  const sockets = [];
  const name = `lead ${Math.random()}`;
  const load = async () => new Hub(() => (sockets.push(new FakeSocket()), sockets.at(-1)));
  const tabs = Array.from({ length: count }, () => {
    const leader = new Leader(name, load, locks);
    const way = (hear, fail, lost) => {
      const port = portOver(name, hear);
      leader.stand({ steal: lost > 0 });
      return { post: port.post, close: () => (port.close(), leader.leave()) };
    };
    const tab = new RemoteHub([way]);
    const told = listener();
    tab.watch("mine", told);
    return { tab, told, leader };
  });
  return { tabs, sockets };
}

/** Messages pass between real channels when the machine likes. */
async function settled(until) {
  for (let tries = 0; tries < 500 && !until(); tries += 1) await turn();
  assert.ok(until());
}

async function answer(socket, jobs) {
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", jobs));
}

test("one tab leads, and the others follow it over one socket", async () => {
  const { tabs, sockets } = tabsWithLeader(3);
  await settled(() => sockets.length === 1);
  await answer(sockets[0], [state("a", 1)]);
  await settled(() => tabs.every(({ told, tab }) => told.told.length > 0 && tab.state === "live"));
  assert.equal(sockets.length, 1);
  for (const { tab } of tabs) tab.close();
});

test("when the tab that leads is closed another one leads, and nobody loses what was shown", async () => {
  const { tabs, sockets } = tabsWithLeader(3);
  await settled(() => sockets.length === 1);
  await answer(sockets[0], [state("a", 1)]);
  await settled(() => tabs.every(({ tab }) => tab.state === "live"));
  tabs[0].tab.close();
  await settled(() => sockets.length === 2);
  assert.equal(sockets[0].connected, false);
  await settled(() => tabs.slice(1).every(({ tab }) => tab.state === "stale"));
  await settled(() => (sockets[1].connected || (sockets[1].open(), true)) && sockets[1].topicsOf("watch").length > 0);
  sockets[1].receive("relay", { state: "live", since: NOW });
  sockets[1].acknowledge(snapshot("mine", [state("a", 2)]));
  await settled(() => tabs.slice(1).every(({ told, tab }) => told.told.at(-1).jobs[0].version === 2 && tab.state === "live"));
  for (const { tab } of tabs) tab.close();
});

test("a leader that does not answer is relieved, and follows once it is awake", async () => {
  const { tabs, sockets } = tabsWithLeader(2);
  await settled(() => sockets.length === 1);
  await answer(sockets[0], [state("a", 1)]);
  await settled(() => tabs.every(({ tab }) => tab.state === "live"));
  tabs[1].leader.stand({ steal: true });
  await settled(() => sockets.length === 2);
  assert.equal(sockets[0].connected, false);
  await settled(() => (sockets[1].connected || (sockets[1].open(), true)) && sockets[1].topicsOf("watch").length > 0);
  sockets[1].receive("relay", { state: "live", since: NOW });
  sockets[1].acknowledge(snapshot("mine", [state("a", 2)]));
  await settled(() => tabs.every(({ told }) => told.told.at(-1).jobs[0]?.version === 2));
  for (const { tab } of tabs) tab.close();
});

test("a leader that hung, and was relieved, is not heard any more", async () => {
  const name = `lead ${Math.random()}`;
  const channel = new BroadcastChannel(name);
  const asked = [];
  channel.onmessage = ({ data: { from } }) => from !== undefined && asked.push(from);
  const heard = [];
  const port = portOver(name, (message) => heard.push(message));
  port.post({ beat: true });
  await settled(() => asked.length === 1);
  const [tab] = asked;
  channel.postMessage({ to: tab, lead: "first", message: "as long as it leads" });
  channel.postMessage({ to: null, lead: "second", message: { again: true } });
  channel.postMessage({ to: tab, lead: "first", message: "as it was before it hung" });
  channel.postMessage({ to: tab, lead: "second", message: "as it is" });
  await settled(() => heard.includes("as it is"));
  assert.deepEqual(heard, ["as long as it leads", { again: true }, "as it is"]);
  port.close();
  channel.close();
});

test("a worker that is found and never answers is tried again, and its successor taken", async () => {
  let isEnding = true;
  const way = (hear, fail, lost) => (lost > 0 && isEnding ? { post: () => {}, close: () => {} } : wayToServing(hear));
  const nowhere = () => assert.fail("there is a worker");
  const tab = new RemoteHub([way, nowhere]);
  tab.watch("mine", listener());
  await turn();
  socket = new FakeSocket();
  serving = new Serving(new Hub(() => socket)); // ended by the browser, and found under its name for a while
  await beat(7500);
  isEnding = false;
  await beat(4000);
  socket.open();
  assert.deepEqual(socket.topicsOf("watch"), [["mine"]]);
});

for (const off of [600_000, -600_000]) {
  test(`a tab knows the server's time, with its own off by ${-off} ms, and whether a scheduler is up`, async () => {
    const { one } = await twoTabs();
    let changes = 0;
    one.addEventListener("change", () => (changes += 1));
    socket.receive("relay", { state: "live", since: NOW, at: Date.now() + off, scheduler: false });
    mock.timers.tick(2500); // a beat of the tab, and its answer
    await turn();
    assert.equal(one.now(), Date.now() + off);
    assert.equal(one.asOf, Date.now() + off - 2500);
    assert.deepEqual([one.scheduler, changes], [false, 1]);
    one.close();
  });
}

test("an end that waited for the tab comes with the server's time", async () => {
  const tab = newTab();
  const times = [];
  tab.hear(() => times.push(tab.now()));
  await turn();
  socket.open();
  socket.receive("relay", { state: "live", since: NOW, at: NOW + 600_000 });
  socket.receive("ended", { jobs: [state("a", 1, "finished")], more: 0 });
  await turn();
  assert.deepEqual(times, [NOW + 600_000]);
  tab.close();
});
