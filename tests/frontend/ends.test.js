// frontend/js/ends.js: each end of this browser's jobs is told once, in whichever tab, and then seen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ends } from "../../frontend/js/ends.js";

const ended = (id, attempt = 1) => ({ id, attempt, version: 1, status: "finished" });

/** Ends that keep what was told and what was seen. */
function noted(...given) {
  const [told, seen] = [[], []];
  const ends = new Ends(given[0], (ids) => seen.push(ids), given[1]);
  ends.listen(({ id, attempt }) => told.push(`${id} ${attempt}`));
  return { ends, told, seen };
}

test("an end is told once and then seen", async () => {
  const { ends, told, seen } = noted();
  await ends.tell({ jobs: [ended("a"), ended("b")] });
  await ends.tell({ jobs: [ended("b")] });
  assert.deepEqual(told, ["a 1", "b 1"]);
  assert.deepEqual(seen, [[["a", 1], ["b", 1]], [["b", 1]]]);
});

test("another attempt's end is another end", async () => {
  const { ends, told } = noted();
  await ends.tell({ jobs: [ended("a", 1), ended("a", 2)] });
  assert.deepEqual(told, ["a 1", "a 2"]);
});

test("what nobody listens for stays unseen", async () => {
  const seen = [];
  await new Ends(undefined, (ids) => seen.push(ids)).tell({ jobs: [ended("a")] });
  assert.deepEqual(seen, []);
});

test("five tabs with one claim tell an end once, and the one in sight tells it", async () => {
  const known = new Set();
  const claim = async (keys) => keys.filter((key) => !known.has(key) && known.add(key));
  let seenByAPerson;
  const later = new Promise((resolve) => (seenByAPerson = resolve));
  const hidden = Array.from({ length: 4 }, () => noted(claim, () => later));
  const visible = noted(claim);
  const waiting = hidden.map(({ ends }) => ends.tell({ jobs: [ended("a")] }));
  await visible.ends.tell({ jobs: [ended("a")] });
  seenByAPerson();
  await Promise.all(waiting);
  assert.deepEqual(visible.told, ["a 1"]);
  assert.deepEqual(hidden.flatMap(({ told }) => told), []);
});

test("many ends are seen in messages that the server takes", async () => {
  const { ends, seen } = noted();
  await ends.tell({ jobs: Array.from({ length: 1000 }, (_, n) => ended(`j${n}`)) });
  assert.deepEqual(seen.map((ids) => ids.length), [500, 500]);
});

test("a listener that fails keeps no end from the others", async () => {
  const [seen, heard] = [[], []];
  const later = [];
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = (run) => later.push(run);
  const ends = new Ends(undefined, (ids) => seen.push(...ids));
  ends.listen(() => {
    if (heard.length === 0) throw new Error("a page's own mistake");
  });
  ends.listen(({ id }) => heard.push(id));
  await ends.tell({ jobs: [ended("a"), ended("b")] });
  globalThis.setTimeout = real;
  assert.deepEqual([heard, seen], [["a", "b"], [["a", 1], ["b", 1]]]);
  assert.throws(later[0], /a page's own mistake/);
});

test("a listener that has left hears nothing", async () => {
  const ends = new Ends();
  const told = [];
  const stop = ends.listen((state) => told.push(state));
  ends.listen(() => {});
  stop();
  await ends.tell({ jobs: [ended("a")] });
  assert.deepEqual([told, ends.size], [[], 1]);
});
