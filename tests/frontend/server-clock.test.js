// frontend/js/server-clock.js: one offset to the server's time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../frontend/js/server-clock.js";

const NOW = 1_790_000_000_000; // ms
const OFF = 600_000; // ms

test("a clock that says nothing is taken for ours", () => {
  const clock = new ServerClock();
  assert.equal(clock.offset, 0);
  clock.hear(undefined, NOW);
  assert.equal(clock.offset, 0);
});

for (const off of [OFF, -OFF]) {
  test(`the quickest of the last words counts, with ours off by ${-off} ms`, () => {
    const clock = new ServerClock();
    for (const [number, late] of [300, 20, 900, 40].entries()) clock.hear(NOW + number * 2000 + off - late, NOW + number * 2000);
    assert.equal(clock.offset, off - 20);
    for (let number = 4; number < 14; number += 1) clock.hear(NOW + number * 2000 + off - 100, NOW + number * 2000);
    assert.equal(clock.offset, off - 100);
  });
}

test("a clock that is set is followed at once", () => {
  const clock = new ServerClock();
  clock.hear(NOW, NOW);
  clock.hear(NOW + 2000, NOW + 2000 - OFF); // ours was set back
  assert.equal(clock.offset, OFF);
  clock.hear(NOW + 4000, NOW + 4000);
  assert.equal(clock.offset, 0);
});
