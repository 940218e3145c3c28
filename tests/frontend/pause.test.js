import assert from "node:assert/strict";
import { test } from "node:test";

import { Pause } from "../../frontend/js/pause.js";

const view = (jobs, changed, gone = []) => ({ topic: "mine", jobs: new Map(jobs.map((id) => [id, { id }])), changed, gone, data: null, error: null });

function heard(pause) {
  const views = [];
  return { views, gate: pause.gate((one) => views.push(one)) };
}

test("while nothing is paused all comes at once", () => {
  const { views, gate } = heard(new Pause());
  for (let number = 0; number < 3; number += 1) gate(view([`${number}`], [`${number}`]));
  assert.deepEqual(views.map(({ changed }) => changed), [["0"], ["1"], ["2"]]);
});

test("what came meanwhile comes as one view, with all that changed and all that went", () => {
  const pause = new Pause();
  const { views, gate } = heard(pause);
  gate(view(["a", "b"], ["a", "b"]));
  pause.turn(true);
  gate(view(["a", "b", "c"], ["c"]));
  gate(view(["a", "b"], ["a"], ["c"]));
  gate(view(["a"], [], ["b"]));
  assert.equal(views.length, 1);
  pause.turn(false);
  assert.equal(views.length, 2);
  assert.deepEqual([views[1].changed, views[1].gone.sort(), [...views[1].jobs.keys()]], [["a"], ["b", "c"], ["a"]]);
});

test("a job that went and came again has changed", () => {
  const pause = new Pause();
  const { views, gate } = heard(pause);
  gate(view(["a"], ["a"]));
  pause.turn(true);
  gate(view([], [], ["a"]));
  gate(view(["a"], ["a"]));
  pause.turn(false);
  assert.deepEqual([views[1].changed, views[1].gone], [["a"], []]);
});

test("what is opened while all is paused shows what there is, and then stands still", () => {
  const pause = new Pause();
  pause.turn(true);
  const { views, gate } = heard(pause);
  gate(view(["a"], ["a"]));
  gate(view(["a"], ["a"]));
  assert.equal(views.length, 1);
});

test("who listens no more hears nothing when it goes on", () => {
  const pause = new Pause();
  const { views, gate } = heard(pause);
  gate(view(["a"], ["a"]));
  pause.turn(true);
  gate(view(["a"], ["a"]));
  pause.drop(gate);
  pause.turn(false);
  assert.equal(views.length, 1);
});

test("one who fails at what was held back keeps no other from hearing it", (t) => {
  const thrown = [];
  t.mock.method(globalThis, "setTimeout", (run) => thrown.push(run));
  const pause = new Pause();
  let isFirst = true;
  const failing = pause.gate(() => {
    if (!isFirst) throw new Error("odd");
    isFirst = false;
  });
  const { views, gate } = heard(pause);
  for (const one of [failing, gate]) one(view(["a"], ["a"]));
  pause.turn(true);
  for (const one of [failing, gate]) one(view(["a"], ["a"]));
  pause.turn(false);
  assert.equal(views.length, 2);
  assert.throws(thrown[0], /odd/);
});
