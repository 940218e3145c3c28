// frontend/js/format.js: tables of what goes in and what people read.

import assert from "node:assert/strict";
import { test } from "node:test";

import { amount, around, beginning, clock, counted, cut, duration, oneLine, percent, zone } from "../../frontend/js/format.js";

const shown = (value) => JSON.stringify(value);

for (const [value, unit, expected] of [
  [0, "", "0"],
  [7, "", "7"],
  [12_345, "", "12,345"],
  [1.25, "", "1.3"],
  [1234.56, "", "1,234.6"],
  [-3, "", "-3"],
  [12_345, "paragraphs", "12,345"],
  [0, "B", "0 B"],
  [999, "B", "999 B"],
  [1000, "B", "1 kB"],
  [1500, "B", "1.5 kB"],
  [1_500_000, "B", "1.5 MB"],
  [2_000_000_000, "B", "2 GB"],
  [5_000_000_000_000, "B", "5,000 GB"],
]) {
  test(`the amount ${value} of ${shown(unit)} reads ${shown(expected)}`, () => {
    assert.equal(amount(value, unit), expected);
  });
}

test("an amount needs no unit", () => assert.equal(amount(1000), "1,000"));

for (const [seconds, expected] of [
  [0, "0 ms"],
  [0.0049, "5 ms"],
  [0.099, "99 ms"],
  [0.1, "0.1 s"],
  [0.44, "0.4 s"],
  [9.94, "9.9 s"],
  [10, "10 s"],
  [12.4, "12 s"],
  [59.4, "59 s"],
  [59.6, "1 min"],
  [60, "1 min"],
  [200, "3 min 20 s"],
  [3599.4, "59 min 59 s"],
  [3599.6, "1 h"],
  [7500, "2 h 5 min"],
  [90_000, "25 h"],
  [172_800, "2 d"],
  [273_600, "3 d 4 h"],
]) {
  test(`${seconds} seconds read ${shown(expected)}`, () => assert.equal(duration(seconds), expected));
}

const noon = new Date(2024, 0, 2, 12, 0, 0).getTime(); // in local time, whatever zone the tests run in

for (const [what, moment, expected] of [
  ["a time of today", new Date(2024, 0, 2, 10, 31, 2), "10:31:02"],
  ["midnight", new Date(2024, 0, 2, 0, 0, 0), "00:00:00"],
  ["an afternoon", new Date(2024, 0, 2, 22, 5, 9), "22:05:09"],
  ["yesterday", new Date(2024, 0, 1, 10, 31, 2), "2024-01-01 10:31:02"],
  ["the same day of another year", new Date(2023, 0, 2, 10, 31, 2), "2023-01-02 10:31:02"],
]) {
  test(`${what} reads ${shown(expected)}`, () => assert.equal(clock(moment.getTime(), noon), expected));
}

test("a clock's today is the real one unless it is told another", () => {
  assert.match(clock(Date.now()), /^\d\d:\d\d:\d\d$/);
});

for (const [completed, total, unit, expected] of [
  [null, null, "", ""],
  [null, 50, "paragraphs", ""],
  [0, 50, "paragraphs", "0 of 50 paragraphs"],
  [42, 50, "paragraphs", "42 of 50 paragraphs"],
  [42, 50, "", "42 of 50"],
  [42, null, "", "42"],
  [42, null, "rows", "42 rows"],
  [12_000, 34_567, "rows", "12,000 of 34,567 rows"],
  [1_500_000, 3_000_000, "B", "1.5 MB of 3 MB"],
  [1500, null, "B", "1.5 kB"],
  [0.5, 2, "s", "0.5 of 2 s"],
]) {
  test(`${completed} of ${total} in ${shown(unit)} reads ${shown(expected)}`, () => {
    assert.equal(counted({ completed, total, unit }), expected);
  });
}

for (const [value, expected] of [
  ["a text", "a text"],
  ["", '""'],
  [" \n", '" \\n"'],
  [42, "42"],
  [0, "0"],
  [false, "false"],
  [null, ""],
  [undefined, ""],
  [[], "[]"],
  [{ n: 3, of: ["a", "b"] }, '{"n":3,"of":["a","b"]}'],
  ["<b>bold</b>", "<b>bold</b>"],
]) {
  test(`the result ${shown(value)} reads ${shown(expected)}`, () => assert.equal(oneLine(value), expected));
}

test("a line as long as the limit stays whole", () => assert.equal(oneLine("x".repeat(200)), "x".repeat(200)));

test("a longer line is cut to the limit, and shows that it was", () => {
  assert.equal(oneLine("x".repeat(201)), `${"x".repeat(199)}…`);
  assert.equal(oneLine([1, 2, 3], { limit: 4 }), "[1,…");
});

test("a result of nothing is named, and numbers that JavaScript can't hold are as they were written", () => {
  assert.equal(oneLine(null, { nothing: "done" }), "done");
  assert.equal(oneLine(1e400, { exact: "1e400" }), "1e400");
  assert.equal(oneLine([2 ** 60], { exact: "[1152921504606846977]" }), "[1152921504606846977]");
});

test("no character is cut in half", () => {
  for (let limit = 1; limit < 8; limit += 1) {
    for (const text of [cut("😀😀😀😀", limit), around("😀😀😀😀", limit), beginning("a😀😀😀", limit), cut("a😀😀😀", limit)]) {
      assert.equal(text.isWellFormed?.() ?? true, true, text);
      assert.doesNotMatch(text, /\p{Surrogate}/u);
    }
  }
  assert.equal(cut("a😀😀", 4), "a😀…");
  assert.equal(cut("😀😀", 4), "😀😀");
});

test("of a long text its beginning and its end are kept", () => {
  assert.equal(around("x".repeat(10), 10), "x".repeat(10));
  assert.equal(around(`a${"x".repeat(2000)}b`, 4), "ax\n… 1,998 characters more …\nxb");
});

test("a percentage is rounded down, exactly, and is never 100 before the end", () => {
  for (const total of [100, 7, 1000, 0.07, 3e15]) {
    for (let done = 0; done < 100; done += 1) {
      assert.equal(percent((done * total) / 100, total), done, `${done} % of ${total}`);
    }
  }
  for (const [completed, total, expected] of [
    [29, 100, 29], [57, 100, 57], [58, 100, 58], [0.29, 1, 29], [0.57, 1, 57], [999, 1000, 99], [0.9999999999999999, 1, 99],
    [2 ** 53 - 2, 2 ** 53 - 1, 99], [1, 3, 33], [2, 3, 66], [-5, 100, 0], [1e-300, 1, 0], [100, 100, null], [120, 100, null],
  ]) assert.equal(percent(completed, total), expected, `${completed} of ${total}`);
});

test("what clocks that differ make less than nothing is no time at all", () => {
  assert.equal(duration(-2.987), "0 ms");
  assert.equal(duration(-0.0001), "0 ms");
});

test("the zone of a moment is that of its season", () => {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  assert.equal(zone(Date.UTC(2026, 6, 1)), zoneIn(name, Date.UTC(2026, 6, 1)));
});

const zoneIn = (timeZone, ms) => new Date(ms).toLocaleString("en-GB", { timeZone, timeZoneName: "short" }).split(" ").at(-1);
