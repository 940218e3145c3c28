// frontend/js/hub.js: one socket, many watches; over a socket and a clock that the tests move.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Hub } from "../../frontend/js/hub.js";
import { FakeSocket, listener, refusal, snapshot, state, turn } from "./fakes.js";

const NOW = 1_790_000_000_000; // ms
const BEAT = 2000; // ms
const LINGER = 6000; // ms, and a little more

let socket;
let opened; // the arguments of each call of io
let hub;

beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setInterval", "setTimeout"], now: NOW });
  socket = new FakeSocket();
  opened = [];
  hub = new Hub((...given) => {
    opened.push(given);
    return socket;
  });
});

afterEach(() => {
  hub.close();
  mock.timers.reset();
});

/** Let `ms` pass; in steps, since a mocked clock stands still within one. */
function pass(ms) {
  for (let passed = 0; passed < ms; passed += 250) mock.timers.tick(250);
}

/** Let `ms` pass while the server beats. */
function beat(ms, relay = "live") {
  for (let passed = 0; passed < ms; passed += BEAT) {
    mock.timers.tick(BEAT);
    socket.receive("relay", { state: relay, since: NOW });
  }
}

/** Watch `topic` on a connection that is live, with `jobs` as its snapshot. */
function watching(topic, jobs = []) {
  const listen = listener();
  const unwatch = hub.watch(topic, listen);
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot(topic, jobs));
  listen.told.length = 0;
  return { listen, unwatch };
}

// -- watching

test("no socket is opened before the first watch", () => {
  assert.equal(opened.length, 0);
});

test("one socket is opened for all watches, over WebSocket only", () => {
  hub.watch("mine", listener());
  hub.watch("job:a", listener());
  assert.equal(opened.length, 1);
  assert.deepEqual(opened[0][1].transports, ["websocket"]);
});

test("the socket is opened at the address the hub was given", () => {
  const addresses = [];
  const other = new Hub((url) => (addresses.push(url), new FakeSocket()), { url: "https://else.where" });
  other.watch("mine", listener());
  other.close();
  assert.deepEqual(addresses, ["https://else.where"]);
});

test("a token goes with each watch", () => {
  hub.watch("queue:q", listener(), "T");
  hub.watch("mine", listener());
  socket.open();
  assert.deepEqual(
    socket.sent.map(([, data]) => data),
    [{ topics: ["queue:q"], token: "T" }, { topics: ["mine"] }],
  );
});

test("a watch by a fresh token takes the place of an old one without letting go", async () => {
  const listen = listener();
  const stop = hub.watch("queue:q", listen, "old");
  socket.open();
  socket.acknowledge(snapshot("queue:q", [state("a", 1)]));
  hub.watch("queue:q", listen, "fresh");
  stop();
  await turn();
  assert.deepEqual(socket.sent.at(-1)[1], { topics: ["queue:q"], token: "fresh" });
  socket.acknowledge(snapshot("queue:q", [state("a", 1)]));
  beat(LINGER);
  socket.receive("jobs", { topic: "queue:q", jobs: [state("a", 2)] });
  assert.deepEqual(listen.told.at(-1).jobs, [state("a", 2)]);
  assert.deepEqual(socket.topicsOf("unwatch"), []);
});

test("tabs with tokens of their own each see what theirs allows", () => {
  const [good, bad] = [listener(), listener()];
  hub.watch("queue:q", good, "good");
  hub.watch("queue:q", bad, "bad");
  socket.open();
  const [first, second] = [...socket.sent];
  first[2](snapshot("queue:q", [state("a", 1)]));
  second[2](refusal("queue:q", "forbidden"));
  socket.receive("jobs", { topic: "queue:q", jobs: [state("a", 2)] });
  assert.deepEqual(good.told.at(-1).jobs, [state("a", 2)]);
  assert.deepEqual([bad.told.length, bad.told[0].error.code, bad.told[0].jobs], [1, "forbidden", []]);
});

test("when the right of one of two tokens ends, both are asked for again", () => {
  const [long, short] = [listener(), listener()];
  hub.watch("queue:q", long, "long");
  hub.watch("queue:q", short, "short");
  socket.open();
  for (const [, , acknowledge] of [...socket.sent]) acknowledge(snapshot("queue:q", [state("a", 1)]));
  socket.receive("refused", { topic: "queue:q", error: { code: "expired", message: "over" } });
  const [again, over] = socket.sent.slice(-2);
  assert.deepEqual([again[1].token, over[1].token], ["long", "short"]);
  again[2](snapshot("queue:q", [state("a", 2)]));
  over[2](refusal("queue:q", "expired"));
  assert.deepEqual(long.told.at(-1).jobs, [state("a", 2)]);
  assert.equal(short.told.at(-1).error.code, "expired");
});

test("a watch that the server ends says why, and holds nothing", () => {
  const { listen } = watching("queue:q");
  socket.receive("jobs", { topic: "queue:q", jobs: [state("a", 1)] });
  const error = { code: "expired", message: "the token has expired" };
  socket.receive("refused", { topic: "queue:q", error });
  assert.deepEqual(listen.told.at(-1).error, error);
  assert.deepEqual([listen.told.at(-1).jobs, listen.told.at(-1).gone], [[], ["a"]]);
  socket.receive("jobs", { topic: "queue:q", jobs: [state("a", 2)] });
  assert.deepEqual(listen.told.at(-1).jobs, []);
  socket.receive("refused", { topic: "job:unwatched", error });
});

test("topics watched before the connection stands are asked for in one message", () => {
  hub.watch("mine", listener());
  hub.watch("job:a", listener());
  assert.deepEqual(socket.sent, []);
  socket.open();
  assert.deepEqual(socket.topicsOf("watch"), [["mine", "job:a"]]);
});

test("topics watched while the connection stands are asked for at the end of the turn, in one message", async () => {
  watching("mine");
  hub.watch("job:a", listener());
  hub.watch("job:b", listener());
  hub.watch("job:c", listener())();
  await turn();
  assert.deepEqual(socket.topicsOf("watch"), [["mine"], ["job:a", "job:b", "job:c"]]);
});

test("watches of one topic share one message", () => {
  const { listen } = watching("mine");
  const second = listener();
  hub.watch("mine", second);
  assert.deepEqual(socket.topicsOf("watch"), [["mine"]]);
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 1)] });
  assert.deepEqual(listen.told[0].jobs, [state("a", 1)]);
  assert.deepEqual(second.told.at(-1).jobs, [state("a", 1)]);
});

test("the snapshot reaches the listener", () => {
  const listen = listener();
  hub.watch("mine", listen);
  socket.open();
  assert.deepEqual(listen.told, []);
  socket.acknowledge(snapshot("mine", [state("a", 1)], true));
  assert.deepEqual(listen.told, [
    { topic: "mine", jobs: [state("a", 1)], more: true, changed: ["a"], gone: [], data: null, error: null },
  ]);
});

test("an empty snapshot reaches the listener too", () => {
  const listen = listener();
  hub.watch("mine", listen);
  socket.open();
  socket.acknowledge(snapshot("mine", []));
  assert.deepEqual(listen.told, [{ topic: "mine", jobs: [], more: false, changed: [], gone: [], data: null, error: null }]);
});

test("the second listener gets what is held at once, and the first hears nothing of it", () => {
  const { listen } = watching("mine", [state("a", 1)]);
  const second = listener();
  hub.watch("mine", second);
  assert.deepEqual(second.told, [
    { topic: "mine", jobs: [state("a", 1)], more: false, changed: ["a"], gone: [], data: null, error: null },
  ]);
  assert.deepEqual(listen.told, []);
});

test("a second listener that comes before the answer is told with the first", () => {
  const [first, second] = [listener(), listener()];
  hub.watch("mine", first);
  socket.open();
  hub.watch("mine", second);
  assert.deepEqual(second.told, []);
  socket.acknowledge(snapshot("mine", [state("a", 1)]));
  assert.deepEqual(second.told, first.told);
  assert.equal(second.told.length, 1);
});

test("more than a thousand topics are split into messages, and none is lost", () => {
  const topics = Array.from({ length: 2500 }, (_, n) => `job:${n}`);
  for (const topic of topics) hub.watch(topic, listener());
  socket.open();
  const messages = socket.topicsOf("watch");
  assert.deepEqual(messages.map((message) => message.length), [1000, 1000, 500]);
  assert.deepEqual(messages.flat(), topics);
});

test("the acknowledgement of each part reaches the topics of that part", () => {
  const listeners = Array.from({ length: 1001 }, () => listener());
  listeners.forEach((listen, n) => hub.watch(`job:${n}`, listen));
  socket.open();
  socket.acknowledge(snapshot("job:1000", [state("1000", 1)]));
  assert.equal(listeners[1000].told.length, 1);
  assert.equal(listeners[0].told.length, 0);
});

// -- ending a watch

test("when the last listener has left for five seconds, the topic is given up, once", () => {
  const { unwatch } = watching("mine");
  const second = hub.watch("mine", listener());
  unwatch();
  beat(LINGER);
  assert.deepEqual(socket.topicsOf("unwatch"), []);
  second();
  second();
  beat(4000);
  assert.deepEqual(socket.topicsOf("unwatch"), []);
  beat(LINGER);
  assert.deepEqual(socket.topicsOf("unwatch"), [["mine"]]);
});

test("a topic that is watched again in time was never let go, and shows at once what came meanwhile", () => {
  const { unwatch } = watching("mine", [state("a", 1)]);
  unwatch();
  beat(4000);
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  const again = listener();
  hub.watch("mine", again);
  assert.deepEqual(again.told[0].jobs, [state("a", 2)]);
  beat(LINGER);
  assert.deepEqual([socket.topicsOf("watch"), socket.topicsOf("unwatch")], [[["mine"]], []]);
});

test("only so many topics linger", () => {
  const stops = Array.from({ length: 300 }, (_, n) => hub.watch(`job:${n}`, listener()));
  socket.open();
  for (const stop of stops) stop();
  assert.deepEqual(socket.topicsOf("unwatch").flat(), Array.from({ length: 100 }, (_, n) => `job:${n}`));
});

test("what was refused does not linger, and is asked for again", async () => {
  const stop = hub.watch("job:a", listener());
  socket.open();
  socket.acknowledge(refusal("job:a", "not_found"));
  stop();
  hub.watch("job:a", listener());
  await turn();
  assert.deepEqual(socket.topicsOf("watch"), [["job:a"], ["job:a"]]);
});

test("a listener that has left hears nothing", () => {
  const { listen, unwatch } = watching("mine");
  hub.watch("mine", listener());
  unwatch();
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 1)] });
  assert.deepEqual(listen.told, []);
});

test("a listener may leave while it is being told, and the next still hears", () => {
  const told = [];
  const unwatch = hub.watch("mine", () => (told.push("first"), unwatch()));
  hub.watch("mine", () => told.push("second"));
  socket.open();
  socket.acknowledge(snapshot("mine", []));
  assert.deepEqual(told, ["first", "second"]);
});

test("a watch ended without a connection is not asked for later", () => {
  const unwatch = hub.watch("mine", listener());
  hub.watch("job:a", listener());
  unwatch();
  mock.timers.tick(LINGER);
  socket.open();
  assert.deepEqual(socket.topicsOf("watch"), [["job:a"]]);
  assert.deepEqual(socket.topicsOf("unwatch"), []);
});

test("a topic watched again after its end starts with nothing and is asked for again", async () => {
  const { unwatch } = watching("mine", [state("a", 1)]);
  unwatch();
  beat(LINGER);
  const again = listener();
  hub.watch("mine", again);
  assert.deepEqual(again.told, []);
  await turn();
  assert.deepEqual(socket.topicsOf("watch"), [["mine"], ["mine"]]);
  unwatch(); // the old watch's end does not end the new one
  beat(LINGER);
  assert.deepEqual(socket.topicsOf("unwatch"), [["mine"]]);
});

test("frames and answers for a topic that is not watched are ignored", () => {
  const { listen, unwatch } = watching("mine");
  hub.watch("job:a", listener());
  unwatch();
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 1)] });
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 1)], snapshot: true, more: false });
  socket.receive("gone", { topic: "mine", jobs: [{ id: "a", version: 2 }] });
  socket.sent[0][2](snapshot("mine", [state("a", 3)]));
  assert.deepEqual(listen.told, []);
});

// -- updates

test("a frame tells what changed", () => {
  const { listen } = watching("mine", [state("a", 1), state("b", 1)]);
  socket.receive("jobs", { topic: "mine", jobs: [state("b", 2), state("a", 1)] });
  assert.deepEqual(listen.told, [
    { topic: "mine", jobs: [state("a", 1), state("b", 2)], more: false, changed: ["b"], gone: [], data: null, error: null },
  ]);
});

test("a frame without news tells nobody", () => {
  const { listen } = watching("mine", [state("a", 2)]);
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 1), state("a", 2)] });
  assert.deepEqual(listen.told, []);
});

test("a frame reaches the listeners of its topic only", async () => {
  const { listen } = watching("mine");
  const other = listener();
  hub.watch("job:a", other);
  await turn();
  socket.acknowledge(snapshot("job:a", []));
  socket.receive("jobs", { topic: "job:a", jobs: [state("a", 1)] });
  assert.deepEqual(listen.told, []);
  assert.equal(other.told.length, 2);
});

test("a frame before the first answer shows with the answer", () => {
  const listen = listener();
  hub.watch("mine", listen);
  socket.open();
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  assert.deepEqual(listen.told, []);
  socket.acknowledge(snapshot("mine", [state("a", 2), state("b", 1)]));
  assert.deepEqual(listen.told.map(({ jobs }) => jobs), [[state("a", 2), state("b", 1)]]);
});

test("what was held stays in view while it can't be read again", () => {
  const { listen } = watching("mine", [state("a", 1)]);
  socket.drop();
  socket.open();
  socket.acknowledge(refusal("mine", "unavailable"));
  assert.deepEqual(listen.told.map(({ jobs, gone }) => [jobs, gone]), [[[state("a", 1)], []]]);
});

test("a snapshot that is pushed replaces what was held", () => {
  const { listen } = watching("mine", [state("a", 1), state("b", 1)]);
  socket.receive("jobs", { topic: "mine", jobs: [state("b", 2)], snapshot: true, more: true });
  assert.deepEqual(listen.told, [
    { topic: "mine", jobs: [state("b", 2)], more: true, changed: ["b"], gone: ["a"], data: null, error: null },
  ]);
});

test("a tombstone is told as gone, and a late state does not bring the job back", () => {
  const { listen } = watching("mine", [state("a", 1)]);
  socket.receive("gone", { topic: "mine", jobs: [{ id: "a", version: 3 }] });
  assert.deepEqual(listen.told, [{ topic: "mine", jobs: [], more: false, changed: [], gone: ["a"], data: null, error: null }]);
  socket.receive("jobs", { topic: "mine", jobs: [state("a", 2)] });
  assert.equal(listen.told.length, 1);
});

// -- reconnecting

test("after a reconnect all topics are watched again in one message", () => {
  watching("mine");
  hub.watch("job:a", listener());
  hub.watch("job:b", listener())();
  beat(LINGER);
  socket.drop();
  socket.open();
  assert.deepEqual(socket.topicsOf("watch").at(-1), ["mine", "job:a"]);
  assert.equal(socket.topicsOf("watch").length, 2);
});

test("a topic watched while the connection is away is asked for with the others", () => {
  watching("mine");
  socket.drop();
  hub.watch("job:a", listener());
  socket.open();
  assert.deepEqual(socket.topicsOf("watch"), [["mine"], ["mine", "job:a"]]);
});

test("the snapshot after a reconnect replaces what was held", () => {
  const { listen } = watching("mine", [state("a", 1), state("b", 5)]);
  socket.drop();
  socket.open();
  socket.acknowledge(snapshot("mine", [state("b", 5), state("c", 1)]));
  assert.deepEqual(listen.told, [
    { topic: "mine", jobs: [state("b", 5), state("c", 1)], more: false, changed: ["c"], gone: ["a"], data: null, error: null },
  ]);
});

test("the listener hears of the snapshot after a reconnect even when nothing moved", () => {
  const { listen } = watching("mine", [state("a", 1)]);
  socket.drop();
  socket.open();
  socket.acknowledge(snapshot("mine", [state("a", 1)]));
  assert.deepEqual(listen.told.map(({ changed, gone }) => [changed, gone]), [[[], []]]);
});

test("what is held stays while the connection is away", () => {
  const { listen } = watching("mine", [state("a", 1)]);
  socket.drop();
  assert.deepEqual(listen.told, []);
  const second = listener();
  hub.watch("mine", second);
  assert.deepEqual(second.told[0].jobs, [state("a", 1)]);
});

// -- refusals

test("a refused topic reaches its listener as an error, and the others as usual", () => {
  const [refused, fine] = [listener(), listener()];
  hub.watch("jobs", refused);
  hub.watch("mine", fine);
  socket.open();
  const error = { code: "forbidden", message: "operators only" };
  socket.acknowledge({ ok: true, topics: { jobs: { error }, mine: { jobs: [state("a", 1)], more: false } } });
  assert.deepEqual(refused.told, [{ topic: "jobs", jobs: [], more: false, changed: [], gone: [], data: null, error }]);
  assert.equal(fine.told[0].error, null);
});

test("a second listener of a refused topic is told so at once", () => {
  hub.watch("job:a", listener());
  socket.open();
  socket.acknowledge(refusal("job:a", "not_found"));
  const second = listener();
  hub.watch("job:a", second);
  assert.equal(second.told[0].error.code, "not_found");
});

test("a topic refused after a reconnect loses what was held", () => {
  const { listen } = watching("job:a", [state("a", 1)]);
  socket.drop();
  socket.open();
  socket.acknowledge(refusal("job:a", "not_found"));
  assert.deepEqual(listen.told, [
    { topic: "job:a", jobs: [], more: false, changed: [], gone: ["a"], data: null, error: { code: "not_found", message: "not_found" } },
  ]);
});

test("a refusal is over when a reconnect brings a snapshot", () => {
  const listen = listener();
  hub.watch("job:a", listen);
  socket.open();
  socket.acknowledge(refusal("job:a", "not_found"));
  socket.drop();
  socket.open();
  socket.acknowledge(snapshot("job:a", [state("a", 1)]));
  assert.equal(listen.told.at(-1).error, null);
  assert.deepEqual(listen.told.at(-1).jobs, [state("a", 1)]);
});

test("an answer that is an error as a whole reaches every listener it was asked for", () => {
  const [first, second] = [listener(), listener()];
  hub.watch("mine", first);
  hub.watch("job:a", second);
  socket.open();
  const error = { code: "bad_request", message: "expected an object" };
  socket.acknowledge({ ok: false, error });
  assert.deepEqual([first.told[0].error, second.told[0].error], [error, error]);
});

test("a topic that was unavailable is asked for again with the next live beat", async () => {
  const { listen } = watching("mine");
  const unlucky = listener();
  hub.watch("job:a", unlucky);
  await turn();
  socket.acknowledge(refusal("job:a", "unavailable"));
  beat(BEAT, "stale"); // Redis is still away
  assert.equal(socket.topicsOf("watch").length, 2);
  beat(BEAT);
  assert.deepEqual(socket.topicsOf("watch").at(-1), ["job:a"]);
  socket.acknowledge(snapshot("job:a", [state("a", 1)]));
  beat(3 * BEAT);
  assert.equal(socket.topicsOf("watch").length, 3);
  assert.deepEqual(unlucky.told.map(({ error }) => error?.code), ["unavailable", undefined]);
  assert.deepEqual(listen.told, []);
});

for (const code of ["forbidden", "not_found", "too_many"]) {
  test(`a topic refused as ${code} is not asked for again by itself`, () => {
    hub.watch("job:a", listener());
    socket.open();
    socket.acknowledge(refusal("job:a", code));
    beat(3 * BEAT);
    assert.equal(socket.topicsOf("watch").length, 1);
  });
}

// -- the connection's state

/** The states that "change" told so far. */
function changes() {
  const states = [];
  hub.addEventListener("change", () => states.push(hub.state));
  return states;
}

test("a hub begins as connecting, and stays so until a server was there", () => {
  assert.equal(hub.state, "connecting");
  hub.watch("mine", listener());
  mock.timers.tick(60_000);
  assert.equal(hub.state, "connecting");
});

test("a connection is live when its relay says so", () => {
  const states = changes();
  hub.watch("mine", listener());
  socket.open();
  assert.equal(hub.state, "stale");
  socket.receive("relay", { state: "live", since: NOW });
  assert.equal(hub.state, "live");
  assert.deepEqual(states, ["stale", "live"]);
});

test("a relay that is stale makes the state stale", () => {
  watching("mine");
  socket.receive("relay", { state: "stale", since: NOW });
  assert.equal(hub.state, "stale");
});

test("a lost connection is offline at once", () => {
  watching("mine");
  const states = changes();
  socket.drop();
  assert.deepEqual(states, ["offline"]);
});

test("a new connection is not live on the word of the last one", () => {
  watching("mine");
  socket.drop();
  const states = changes();
  socket.open();
  assert.equal(hub.state, "stale");
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", []));
  assert.deepEqual(states, ["stale", "live"]);
});

test("a connection is not live while something shown could not be read again", () => {
  watching("mine", [state("a", 1)]);
  socket.drop();
  socket.open();
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(refusal("mine", "unavailable"));
  assert.equal(hub.state, "stale");
  socket.receive("relay", { state: "live", since: NOW });
  socket.acknowledge(snapshot("mine", [state("a", 2)]));
  assert.equal(hub.state, "live");
});

test("while the server beats, the state stays live and change is silent", () => {
  watching("mine");
  const states = changes();
  beat(60_000);
  assert.equal(hub.state, "live");
  assert.deepEqual(states, []);
});

test("after four seconds of silence the state is live no more, within half a second", () => {
  watching("mine");
  const states = changes();
  mock.timers.tick(4000);
  assert.equal(hub.state, "live");
  mock.timers.tick(500);
  assert.notEqual(hub.state, "live");
  assert.equal(states.length, 1);
});

test("a connection that says nothing is left for a new one, which is asked for everything again", () => {
  watching("mine");
  hub.watch("job:a", listener());
  mock.timers.tick(4500);
  assert.deepEqual([hub.state, socket.connected, socket.tries], ["offline", false, 1]);
  socket.open();
  assert.deepEqual(socket.topicsOf("watch").at(-1), ["mine", "job:a"]);
  socket.receive("relay", { state: "live", since: NOW });
  assert.equal(hub.state, "stale"); // what is shown has not been read again yet
  socket.acknowledge({ ok: true, topics: { mine: { jobs: [], more: false }, "job:a": { jobs: [], more: false } } });
  assert.equal(hub.state, "live");
});

for (const [what, event, data] of [
  ["a beat", "relay", { state: "live", since: NOW }],
  ["a frame", "jobs", { topic: "mine", jobs: [state("a", 9)] }],
  ["a tombstone", "gone", { topic: "mine", jobs: [{ id: "a", version: 9 }] }],
  ["a frame of a topic that is not watched", "jobs", { topic: "job:x", jobs: [] }],
]) {
  test(`${what} is a sign of life`, () => {
    watching("mine");
    mock.timers.tick(3900);
    socket.receive(event, data);
    mock.timers.tick(3900);
    assert.deepEqual([hub.state, socket.tries], ["live", 0]);
  });
}

test("a server that never answers is tried anew every four seconds", () => {
  hub.watch("mine", listener());
  pass(21_000);
  assert.equal(socket.tries, 4);
  assert.equal(hub.state, "connecting");
});

// -- coming back

/** A hub whose dice always show `share` of what they could. */
function withLuck(share) {
  hub = new Hub(() => socket, { random: () => share });
  hub.watch("mine", listener());
  socket.open();
  beat(2000);
}

/** Refuse each try, as it comes, for `ms`; returns when they came, in ms from now. */
function refuseFor(ms) {
  const [began, times] = [Date.now(), []];
  socket.connect = () => {
    times.push(Date.now() - began);
    socket.receive("connect_error", new Error("refused"));
  };
  pass(ms);
  return times;
}

test("a lost connection is tried again within a second", () => {
  withLuck(0.999);
  socket.drop();
  mock.timers.tick(998);
  assert.equal(socket.tries, 0);
  mock.timers.tick(1);
  assert.equal(socket.tries, 1);
});

test("the moment of a try is drawn at random from all of the time there is", () => {
  withLuck(0);
  socket.drop();
  mock.timers.tick(0);
  assert.equal(socket.tries, 1);
});

test("the longer a server is away, the less it is tried, and never less than every four seconds", () => {
  withLuck(1);
  socket.drop();
  const times = refuseFor(60_000);
  const pauses = times.map((time, index) => time - (times[index - 1] ?? 0));
  assert.deepEqual(pauses.slice(0, 6), [1000, 1000, 1000, 1000, 1000, 1250]);
  assert.ok(pauses.every((pause, index) => pause >= (pauses[index - 1] ?? 0)), pauses);
  assert.equal(pauses.at(-1), 4000);
});

test("once it was there again, a server that goes is tried within a second", () => {
  withLuck(1);
  socket.drop();
  refuseFor(60_000);
  delete socket.connect;
  mock.timers.tick(4000);
  socket.open();
  socket.drop();
  mock.timers.tick(1000);
  assert.equal(socket.tries, 2);
});

test("a server that drains is left when it says so, and not a moment before", () => {
  watching("mine");
  socket.receive("relay", { state: "draining", since: NOW, retry_in: 3000 });
  mock.timers.tick(2999);
  assert.deepEqual([hub.state, socket.tries], ["live", 0]);
  mock.timers.tick(1);
  assert.deepEqual([socket.connected, socket.tries], [false, 1]);
});

test("a server that is gone before the time it gave is not waited for", () => {
  watching("mine");
  socket.receive("relay", { state: "draining", since: NOW, retry_in: 3900 });
  socket.drop();
  mock.timers.tick(1000);
  assert.equal(socket.tries, 1);
});

test("a server that drains is left within a second by who has nothing live of it", () => {
  hub = new Hub(() => socket, { random: () => 0.999 });
  hub.watch("mine", listener());
  socket.open();
  socket.receive("relay", { state: "draining", since: NOW, retry_in: 3900 });
  mock.timers.tick(999);
  assert.equal(socket.tries, 1);
});

test("a page that wakes to a connection long silent leaves it at once", () => {
  watching("mine");
  mock.timers.setTime(NOW + 3_600_000); // frozen: no timer ran
  hub.wake();
  assert.deepEqual([socket.connected, socket.tries], [false, 1]);
});

test("a page that wakes does not wait for the next try", () => {
  withLuck(1);
  socket.drop();
  hub.wake();
  assert.equal(socket.tries, 1);
  mock.timers.tick(3000);
  assert.equal(socket.tries, 1);
});

test("waking up changes nothing of a connection that lives, or is being made", () => {
  hub.watch("mine", listener());
  hub.wake();
  socket.open();
  hub.wake();
  assert.equal(socket.tries, 0);
});

test("what is shown is as of the last word while it is live", () => {
  watching("mine");
  beat(10_000);
  assert.equal(hub.asOf, NOW + 10_000);
});

test("what is shown stays as of the last live word while the connection is away", () => {
  watching("mine");
  beat(10_000);
  mock.timers.tick(1000);
  socket.drop();
  mock.timers.tick(30_000);
  assert.equal(hub.asOf, NOW + 10_000);
});

test("what is shown stays as of the last live word while the relay is deaf", () => {
  watching("mine");
  beat(10_000);
  beat(20_000, "stale");
  assert.equal(hub.asOf, NOW + 10_000);
});

test("a hub that was never live is as of its making", () => {
  mock.timers.tick(5000);
  assert.equal(hub.asOf, NOW);
});

// -- frames that come late

/** A frame of `id` that was written `late` ms ago, by a clock that is 7 s ahead of ours. */
function frame(id, late) {
  const version = (Date.now() + 7000 - late) * 1000;
  socket.receive("jobs", { topic: "mine", jobs: [state(id, version)] });
}

test("frames that come seconds later than the promptest are not live, and in time again they are", () => {
  watching("mine");
  frame("a", 40);
  mock.timers.tick(1000);
  frame("a", 2900);
  assert.equal(hub.state, "live");
  mock.timers.tick(1000);
  frame("a", 3900);
  assert.equal(hub.state, "stale");
  beat(2000);
  assert.equal(hub.state, "stale");
  frame("a", 100);
  assert.equal(hub.state, "live");
});

test("a late frame that nothing follows but beats was the last that was on its way", () => {
  watching("mine");
  frame("a", 0);
  frame("b", 5000);
  beat(2000);
  assert.equal(hub.state, "stale");
  beat(2000);
  assert.equal(hub.state, "live");
});

test("a clock that is set is not taken for lateness, nor for life", () => {
  watching("mine");
  frame("a", 0);
  frame("b", 3_600_000);
  assert.equal(hub.state, "live");
  mock.timers.setTime(NOW - 3_600_000);
  hub.wake();
  assert.deepEqual([hub.state, socket.tries], ["offline", 1]);
});

// -- closing

test("a closed hub has closed its socket, and a second close does nothing", () => {
  const { listen } = watching("mine");
  hub.close();
  hub.close();
  assert.equal(socket.connected, false);
  assert.equal(hub.state, "offline");
  assert.deepEqual(listen.told, []);
});

test("ending a watch after the close sends nothing", () => {
  const { unwatch } = watching("mine");
  hub.close();
  unwatch();
  assert.deepEqual(socket.topicsOf("unwatch"), []);
});

test("a closed hub opens a new socket with the next watch", () => {
  watching("mine");
  hub.close();
  socket = new FakeSocket();
  hub.watch("job:a", listener());
  socket.open();
  assert.equal(opened.length, 2);
  assert.deepEqual(socket.topicsOf("watch"), [["job:a"]]);
});

// -- topics that are not of jobs

test("numbers of queues and workers are told as they come, the last ones to whoever comes late", () => {
  const listen = listener();
  hub.watch("stats", listen);
  socket.open();
  socket.acknowledge(snapshot("stats", []));
  socket.receive("stats", { queues: [], at: 1 });
  socket.receive("history", { spans: { "15m": 1 } });
  socket.receive("history", { spans: { "24h": 2 } });
  assert.deepEqual(listen.told.at(-1).data, { stats: { queues: [], at: 1 }, history: { spans: { "15m": 1, "24h": 2 } } });
  const late = listener();
  hub.watch("stats", late);
  assert.deepEqual(late.told.map(({ data }) => data), [listen.told.at(-1).data]);
});

/** A log that is watched, with lines 1 and 2. */
function reading() {
  const listen = listener();
  hub.watch("log:a", listen);
  socket.open();
  socket.acknowledge({ ok: true, topics: { "log:a": { lines: [{ n: 1 }, { n: 2 }], first: 1, last: 2 } } });
  return listen;
}

test("lines of a log are appended in order, each once", () => {
  const { told } = reading();
  socket.receive("log", { topic: "log:a", lines: [{ n: 2 }, { n: 3 }], after: 1, last: 3 });
  socket.receive("log", { topic: "log:a", lines: [{ n: 9 }], after: 3, last: 9 });
  assert.deepEqual(told.at(-1).data, { lines: [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 9 }], last: 9 });
});

test("a log that has missed a frame is read again", () => {
  const { told } = reading();
  socket.receive("log", { topic: "log:a", lines: [{ n: 7 }], after: 6, last: 7 });
  assert.deepEqual(socket.topicsOf("watch"), [["log:a"], ["log:a"]]);
  socket.acknowledge({ ok: true, topics: { "log:a": { lines: [{ n: 6 }, { n: 7 }], first: 6, last: 7 } } });
  assert.deepEqual(told.at(-1).data, { lines: [{ n: 6 }, { n: 7 }], last: 7 });
});

test("only the newest thousand lines are held", () => {
  const { told } = reading();
  const lines = Array.from({ length: 1500 }, (_, at) => ({ n: at + 3 }));
  socket.receive("log", { topic: "log:a", lines, after: 2, last: 1502 });
  assert.deepEqual([told.at(-1).data.lines.length, told.at(-1).data.lines[0].n], [1000, 503]);
});

test("a topic too many is asked for again once another has been let go of", () => {
  const told = listener();
  const stop = hub.watch("job:a", listener());
  hub.watch("job:b", told);
  socket.open();
  socket.acknowledge({ ok: true, topics: { ...snapshot("job:a", []).topics, ...refusal("job:b", "too_many").topics } });
  beat(2 * BEAT);
  assert.equal(socket.topicsOf("watch").length, 1, "there is no more room than before");
  stop();
  beat(LINGER + 2 * BEAT);
  assert.deepEqual(socket.topicsOf("watch").slice(1), [["job:b"]]);
  socket.acknowledge(snapshot("job:b", [state("b", 1)]));
  assert.deepEqual([told.told.at(-1).error, told.told.at(-1).jobs], [null, [state("b", 1)]]);
});
