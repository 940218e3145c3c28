// What is wrong with a field is said to a person.

import assert from "node:assert/strict";
import { test } from "node:test";

import { placed, sentence } from "../../frontend/js/elements/field-words.js";

const SAID = [
  ["a value", "nothing", "This is required."],
  ["a valid integer, unable to parse string as an integer", '"x"', 'Enter a whole number, not "x".'],
  ["a valid integer, got a number with a fractional part", "1.5", "Enter a whole number, not 1.5."],
  ["less than or equal to 10", "11", "Enter 10 or less, not 11."],
  ["greater than 0", "0", "Enter more than 0, not 0."],
  ["'red' or 'blue'", '"green"', "Choose 'red' or 'blue', not \"green\"."],
  ["'one'", '"two"', "Choose 'one', not \"two\"."],
  ["String should have at least 1 character", '""', "Enter at least 1 character."],
  ["List should have at least 2 items after validation, not 0", "[]", "Enter at least 2 entries, not []."],
  ["Input is not a valid IPv4 address", '"::1"', 'Enter an IPv4 address, such as 192.0.2.1, not "::1".'],
  ["Input is not a valid IPv6 network", '"x"', 'Enter an IPv6 network, such as 2001:db8::/32, not "x".'],
  ["String should match pattern '^a+$'", '"b"', 'Enter text of the form ^a+$ (a regular expression), not "b".'],
  ["a valid date or datetime, input is too short", '"x"', 'Enter a date, such as 2026-11-30, not "x".'],
  ["a valid dictionary or instance of Order", "3", 'Enter a JSON object, such as {"name": "Ada"}, not 3.'],
  ["an address beginning with https", '"x"', 'Expected an address beginning with https, not "x".'],
];

for (const [expected, got, said] of SAID) test(said, () => assert.equal(sentence({ expected, got }), said));

test("where in a field it is", () => {
  const wrong = { expected: "a valid integer", got: '"x"' };
  assert.equal(placed("", wrong, true), 'Enter a whole number, not "x".');
  assert.equal(placed("2", wrong, true), 'Line 3: Enter a whole number, not "x".');
  assert.equal(placed("0.size", wrong, false), '0.size: Enter a whole number, not "x".');
  assert.equal(placed("name", { expected: "a value", got: "nothing" }, false), "name is missing.");
});
