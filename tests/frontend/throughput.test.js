// Counts of slices, as jobs a second or a minute.

import assert from "node:assert/strict";
import { test } from "node:test";

import { throughput } from "../../frontend/js/throughput.js";

const AT = [0, 15, 30];

test("counts become jobs a second where there is one a second anywhere", () => {
  const found = throughput({ ended: [30, 15, 3], failed: [15, 0, 0] }, AT, 15, 45);
  assert.deepEqual(found, { ended: [2, 1, 0.2], failed: [1, 0, 0], unit: "second" });
});

test("fewer become jobs a minute", () => {
  assert.deepEqual(throughput({ ended: [1, 14, 0], failed: [0, 0, 0] }, AT, 15, 45), { ended: [4, 56, 0], failed: [0, 0, 0], unit: "minute" });
});

test("a slice that is under way counts for as long as it is", () => {
  assert.equal(throughput({ ended: [30, 30, 10], failed: [0, 0, 0] }, AT, 15, 35).ended[2], 2);
});

test("one that has just begun says nothing yet", () => {
  assert.equal(throughput({ ended: [30, 30, 1], failed: [0, 0, 0] }, AT, 15, 30.5).ended[2], null);
});
