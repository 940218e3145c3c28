// frontend/js/exact.js: what JSON says goes through a browser as it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Raw, holdsRaw, isOdd, isPlain, membersOf, parse, parseBig, plain, pretty, stringify } from "../../frontend/js/exact.js";

const ODD = [
  "1269943055849660418", "-9007199254740993", "9007199254740993", "0.0", "-0.0", "-0", "1.0", "100.0", "1e400", "-1E-400", "1e5", "1e+16",
  "0.00000001", "1e-05", "0.10", "3.14159265358979323846", "9.007199254740993", "123456789012345678901234567890", "5e-324",
];
const SIMPLE = ["0", "1", "-1", "1764460552000000", "9007199254740991", "0.5", "29.97", "0.1", "123456.789", "1000000"];

for (const number of [...ODD, ...SIMPLE]) {
  test(`the number ${number} comes back as it was written`, () => {
    for (const text of [number, `[${number}]`, `{"a":${number},"b":[[{}],${number}]}`]) {
      assert.equal(stringify(parse(text)), text);
      assert.deepEqual(plain(parse(text)), JSON.parse(text));
    }
    assert.equal(holdsRaw(parse(`[${number}]`)), String(Number(number)) !== number);
  });
}

test("what JavaScript writes as it was written is not looked at a second time", () => {
  for (const number of SIMPLE) if (!number.startsWith("9")) assert.equal(isOdd(`{"version":${number}}`), false, number);
  for (const number of ODD) if (String(Number(number)) !== number) assert.equal(isOdd(`[${number}]`), true, number);
});

test("integers that JavaScript's numbers can't hold are BigInts, and other numbers are numbers", () => {
  const text = '{"default":9007199254740993,"enum":[-9007199254740993,1,"9007199254740993"],"maximum":1.0,"minimum":1e+16}';
  const expected = { default: 9007199254740993n, enum: [-9007199254740993n, 1, "9007199254740993"], maximum: 1, minimum: 1e16 };
  assert.deepEqual(parseBig(text), expected);
});

const TEXTS = [
  "null", '""', "{}", "[]", '{"a":{}}', "[[],{}]", '{"__proto__":1.0,"constructor":2}', '{"2":1,"1":2,"b":0.0}',
  String.raw`{"a\"}]":"\\","b":"\\\"x","c":1e400}`, '{"é":"😀","\u2028":[true,false,null,1.0]}', '"1269943055849660418"', String.raw`["\ud83d",1.0]`,
];

for (const text of TEXTS) {
  test(`${text} is read as JSON.parse reads it`, () => {
    assert.deepEqual(plain(parse(text)), JSON.parse(text));
    assert.deepEqual(JSON.parse(stringify(parse(text))), JSON.parse(text));
    assert.deepEqual(JSON.parse(pretty(text)), JSON.parse(text));
  });
}

test("white space between tokens is no matter", () => {
  assert.equal(stringify(parse(' {\n"a" :\t[ 1.0 ,\r 2 ] } ')), '{"a":[1.0,2]}');
});

for (const wrong of ["", "{", "[1.0,]", "{'a':1.0}", "NaN", "1.0 2.0", '{"a":1.0', "01.0"]) {
  test(`${JSON.stringify(wrong)} is no JSON`, () => assert.throws(() => parse(wrong), SyntaxError));
}

test("a text is laid out as JSON.stringify does it, with its numbers and the order of its names", () => {
  const value = { b: [1, { c: [] }], a: {}, "é": "\n😀" };
  assert.equal(pretty(JSON.stringify(value)), JSON.stringify(value, null, 2));
  assert.equal(stringify(value, 2), JSON.stringify(value, null, 2));
  assert.equal(pretty('{"2":1.0,"1":12345678901234567890}'), '{\n  "2": 1.0,\n  "1": 12345678901234567890\n}');
  assert.equal(pretty('"\\u00e9"'), '"é"');
  assert.equal(isPlain('{"2":1,"1":2}') || isPlain('[1.0]') || !isPlain('{"a":1,"b":["1"]}'), false);
  assert.equal(pretty('[1,2,3]', 6), "[\n  1,\n  ");
});

test("what is submitted holds texts as they are", () => {
  const body = { task: "f", args: { n: new Raw("12345678901234567890"), x: 2n ** 64n, at: new Date(0) }, queue: undefined, more: [undefined] };
  const text = '{"task":"f","args":{"n":12345678901234567890,"x":18446744073709551616,"at":"1970-01-01T00:00:00.000Z"},"more":[null]}';
  assert.equal(stringify(body), text);
  assert.equal(stringify(undefined), undefined);
});

test("the members of an object are found as they were written", () => {
  const text = String.raw`{"id": "a", "args": {"n": 1.0, "s": "}\"]"}, "result": [0.0, {}] , "args\"": null}`;
  assert.deepEqual([...membersOf(text)], [
    ["id", '"a"'],
    ["args", String.raw`{"n": 1.0, "s": "}\"]"}`],
    ["result", "[0.0, {}]"],
    ['args"', "null"],
  ]);
  assert.deepEqual([...membersOf("{}")], []);
});

test("large texts are read in linear time", () => {
  const text = JSON.stringify({ list: Array.from({ length: 100_000 }, (_, n) => `${n}\\"\\`), long: "\\".repeat(1_000_000) }).replace("{", '{"x":1.0,');
  const began = performance.now();
  assert.equal(stringify(parse(text)), text);
  assert.equal(JSON.parse(pretty(text)).long.length, 1_000_000);
  assert.ok(performance.now() - began < 10_000);
});
