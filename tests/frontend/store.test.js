// frontend/js/store.js: the newest state of each job, whatever order things come in.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TopicStore } from "../../frontend/js/store.js";

const state = (id, version, more = {}) => ({ id, version, status: "started", ...more });
const held = (store) => [...store.jobs.values()].map(({ id, version }) => [id, version]);

test("a new store holds nothing", () => {
  const store = new TopicStore();
  assert.equal(store.jobs.size, 0);
  assert.equal(store.more, false);
});

test("a first state is news", () => {
  const store = new TopicStore();
  assert.deepEqual(store.apply([state("a", 1), state("b", 1)]), ["a", "b"]);
  assert.deepEqual(held(store), [["a", 1], ["b", 1]]);
});

test("a newer state replaces the held one whole", () => {
  const store = new TopicStore();
  store.apply([state("a", 1, { description: "first" })]);
  const newer = state("a", 2);
  assert.deepEqual(store.apply([newer]), ["a"]);
  assert.equal(store.jobs.get("a"), newer);
});

for (const [name, version] of [["an equal", 5], ["an older", 4]]) {
  test(`${name} version is dropped and is no news`, () => {
    const store = new TopicStore();
    const first = state("a", 5);
    store.apply([first]);
    assert.deepEqual(store.apply([state("a", version, { status: "finished" })]), []);
    assert.equal(store.jobs.get("a"), first);
  });
}

test("versions of microseconds are told apart to the last digit", () => {
  const store = new TopicStore();
  store.apply([state("a", 1_790_000_000_000_001)]);
  assert.deepEqual(store.apply([state("a", 1_790_000_000_000_000)]), []);
  assert.deepEqual(store.apply([state("a", 1_790_000_000_000_002)]), ["a"]);
});

test("within one message only what is news is told", () => {
  const store = new TopicStore();
  store.apply([state("a", 2), state("b", 2)]);
  assert.deepEqual(store.apply([state("a", 1), state("b", 3), state("c", 1)]), ["b", "c"]);
});

test("states end up the same in whatever order they come", () => {
  const orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1], [3, 3, 1]];
  for (const order of orders) {
    const store = new TopicStore();
    for (const version of order) store.apply([state("a", version)]);
    assert.deepEqual(held(store), [["a", 3]], `in the order ${order}`);
  }
});

test("a snapshot drops what it lacks and tells it as gone", () => {
  const store = new TopicStore();
  store.apply([state("a", 1), state("b", 1), state("c", 1)]);
  assert.deepEqual(store.replace([state("b", 1)], false), { changed: [], gone: ["a", "c"] });
  assert.deepEqual(held(store), [["b", 1]]);
});

test("a snapshot tells what it brings and what it moves", () => {
  const store = new TopicStore();
  store.apply([state("a", 1), state("b", 1)]);
  const { changed, gone } = store.replace([state("a", 2), state("b", 1), state("c", 1)], false);
  assert.deepEqual([changed, gone], [["a", "c"], []]);
});

test("a snapshot that was read before an update does not take the update back", () => {
  const store = new TopicStore();
  store.apply([state("a", 7)]);
  assert.deepEqual(store.replace([state("a", 6)], false), { changed: [], gone: [] });
  assert.deepEqual(held(store), [["a", 7]]);
});

test("an empty snapshot leaves nothing", () => {
  const store = new TopicStore();
  store.apply([state("a", 1)]);
  assert.deepEqual(store.replace([], false), { changed: [], gone: ["a"] });
  assert.equal(store.jobs.size, 0);
});

test("whether there is more is what the last snapshot said", () => {
  const store = new TopicStore();
  store.replace([], true);
  store.apply([state("a", 1)]);
  assert.equal(store.more, true);
  store.replace([], false);
  assert.equal(store.more, false);
});

test("a job that left with a snapshot may come back as it was", () => {
  const store = new TopicStore();
  store.apply([state("a", 1)]);
  store.replace([], true);
  assert.deepEqual(store.apply([state("a", 1)]), ["a"]);
});

test("a tombstone takes the job away", () => {
  const store = new TopicStore();
  store.apply([state("a", 1), state("b", 1)]);
  assert.deepEqual(store.bury([{ id: "a", version: 2 }]), ["a"]);
  assert.deepEqual(held(store), [["b", 1]]);
});

test("a tombstone of what is not held is no news", () => {
  assert.deepEqual(new TopicStore().bury([{ id: "a", version: 2 }]), []);
});

for (const version of [1, 2]) {
  test(`a tombstone of version 2 beats a late state of version ${version}`, () => {
    const store = new TopicStore();
    store.bury([{ id: "a", version: 2 }]);
    assert.deepEqual(store.apply([state("a", version)]), []);
    assert.equal(store.jobs.size, 0);
  });
}

test("a tombstone beats a late snapshot too", () => {
  const store = new TopicStore();
  store.apply([state("a", 1)]);
  store.bury([{ id: "a", version: 2 }]);
  assert.deepEqual(store.replace([state("a", 1)], false), { changed: [], gone: [] });
  assert.equal(store.jobs.size, 0);
});

test("a state newer than the tombstone is taken", () => {
  const store = new TopicStore();
  store.bury([{ id: "a", version: 2 }]);
  assert.deepEqual(store.apply([state("a", 3)]), ["a"]);
  assert.deepEqual(held(store), [["a", 3]]);
});

test("a tombstone older than what is held takes nothing away", () => {
  const store = new TopicStore();
  store.apply([state("a", 3)]);
  assert.deepEqual(store.bury([{ id: "a", version: 2 }]), []);
  assert.deepEqual(held(store), [["a", 3]]);
});

test("an older tombstone does not weaken a newer one", () => {
  const store = new TopicStore();
  store.bury([{ id: "a", version: 5 }]);
  store.bury([{ id: "a", version: 3 }]);
  assert.deepEqual(store.apply([state("a", 4)]), []);
});

test("a job is told as gone once", () => {
  const store = new TopicStore();
  store.apply([state("a", 1)]);
  store.bury([{ id: "a", version: 2 }]);
  assert.deepEqual(store.bury([{ id: "a", version: 2 }]), []);
});

test("of tombstones only the newest are kept", () => {
  const store = new TopicStore();
  const late = (number) => ({ id: `job ${number}`, version: 1 });
  store.bury(Array.from({ length: 20_000 }, (_, number) => ({ id: `job ${number}`, version: 2 })));
  assert.deepEqual(store.apply([late(0), late(19_999)]), ["job 0"]);
});
