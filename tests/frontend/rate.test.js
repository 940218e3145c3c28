// frontend/js/rate.js: how fast, and how long still.

import assert from "node:assert/strict";
import { test } from "node:test";

import { RateMeter } from "../../frontend/js/rate.js";

const START = 1_790_000_000_000; // ms

const state = (seconds, completed, more = {}) => ({
  id: "a", attempt: 1, unit: "", completed, total: 100, updated_at: START + seconds * 1000, ...more,
});

function metered(...states) {
  const meter = new RateMeter();
  for (const each of states) meter.take(each);
  return meter;
}

test("nothing is known before the first update", () => {
  const meter = new RateMeter();
  assert.equal(meter.rate, null);
  assert.equal(meter.left(state(0, 0)), null);
});

test("nothing is known from one update", () => {
  const meter = metered(state(0, 10));
  assert.equal(meter.rate, null);
  assert.equal(meter.left(state(0, 10)), null);
});

test("two updates make a rate and a time left", () => {
  const meter = metered(state(0, 0), state(2, 20));
  assert.equal(meter.rate, 10);
  assert.equal(meter.left(state(2, 20)), 8);
});

test("the rate goes from the oldest sample that counts to the newest", () => {
  assert.equal(metered(state(0, 0), state(1, 50), state(4, 60)).rate, 15);
});

test("what is older than ten seconds does not count", () => {
  const meter = metered(state(0, 0), state(1, 50), state(11, 60));
  assert.equal(meter.rate, 1);
});

test("what is exactly ten seconds old counts", () => {
  assert.equal(metered(state(0, 0), state(10, 50)).rate, 5);
});

test("after a long silence nothing is known until the next update", () => {
  const meter = metered(state(0, 0), state(1, 10), state(60, 20));
  assert.equal(meter.rate, null);
  meter.take(state(61, 25));
  assert.equal(meter.rate, 5);
});

test("of a flood the newest forty samples count", () => {
  const meter = new RateMeter();
  for (let n = 0; n < 20; n++) meter.take(state(n * 0.05, 0)); // one second that stands still
  for (let n = 0; n < 40; n++) meter.take(state(1 + n * 0.05, n));
  assert.equal(meter.rate, 20);
});

test("a state shown twice counts once", () => {
  const meter = metered(state(0, 10), state(0, 10));
  assert.equal(meter.rate, null);
});

test("a bar that stands still has no rate and no time left", () => {
  const meter = metered(state(0, 10), state(1, 10));
  assert.equal(meter.rate, null);
  assert.equal(meter.left(state(1, 10)), null);
});

for (const [what, change] of [
  ["attempt", { attempt: 2 }],
  ["unit", { unit: "B" }],
  ["job", { id: "b" }],
]) {
  test(`another ${what} starts anew`, () => {
    const meter = metered(state(0, 0), state(1, 50), state(2, 1, change));
    assert.equal(meter.rate, null);
    meter.take(state(3, 3, change));
    assert.equal(meter.rate, 2);
  });
}

test("states without numbers change nothing", () => {
  const meter = metered(state(0, null), state(1, 10), state(2, 20), state(3, null));
  assert.equal(meter.rate, 10);
});

test("an unknown total leaves the rate and takes the time", () => {
  const meter = metered(state(0, 0, { total: null }), state(1, 7, { total: null }));
  assert.equal(meter.rate, 7);
  assert.equal(meter.left(state(1, 7, { total: null })), null);
});

test("an unknown completed leaves no time", () => {
  assert.equal(metered(state(0, 0), state(1, 7)).left(state(1, null)), null);
});

test("more done than there was to do leaves no time, not less", () => {
  assert.equal(metered(state(0, 90), state(1, 110)).left(state(1, 110)), 0);
});
