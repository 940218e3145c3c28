// What a form asks for, and what it sends, for what pydantic can describe.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FieldError, hintOf, jsonOf, kindOf, labelsOf, optionAt, placeOf, textOf } from "../../frontend/js/elements/field-kinds.js";

const DEFS = {
  Color: { enum: ["red", "blue"], title: "Color", type: "string" },
  Size: { enum: [1, 2], title: "Size", type: "integer" },
  Order: { properties: { name: { type: "string" } }, required: ["name"], title: "Order", type: "object" },
  Tree: { properties: { children: { type: "array", items: { $ref: "#/$defs/Tree" } } }, type: "object" },
  Loop: { $ref: "#/$defs/Loop" },
};
const BIG = 9007199254740993n; // as an integer beyond 2^53 comes in a schema
const NULL = { type: "null" };
const DECIMAL = { anyOf: [{ type: "number" }, { type: "string" }] };
const kind = (schema) => kindOf(schema, DEFS);

const CONTROLS = [
  ["an integer", { type: "integer" }, "number", false],
  ["an optional one", { anyOf: [{ type: "integer" }, NULL], default: null }, "number", true],
  ["a boolean", { type: "boolean" }, "switch", false],
  ["an optional boolean", { anyOf: [{ type: "boolean" }, NULL] }, "choice", true],
  ["a literal", { enum: ["a", "b"], type: "string" }, "choice", false],
  ["a literal of mixed types", { enum: [1, "a", null] }, "choice", true],
  ["a literal of one", { const: "one", type: "string" }, "choice", false],
  ["an enum", { $ref: "#/$defs/Color", default: "red" }, "choice", false],
  ["an optional enum", { anyOf: [{ $ref: "#/$defs/Color" }, NULL] }, "choice", true],
  ["two enums", { anyOf: [{ $ref: "#/$defs/Color" }, { $ref: "#/$defs/Size" }] }, "choice", false],
  ["an enum in allOf", { allOf: [{ $ref: "#/$defs/Size" }], default: 1 }, "choice", false],
  ["text", { type: "string" }, "text", false],
  ["a date", { type: "string", format: "date" }, "moment", false],
  ["a time", { type: "string", format: "time" }, "moment", false],
  ["a duration", { type: "string", format: "duration" }, "text", false],
  ["bytes", { type: "string", format: "binary" }, "text", false],
  ["a list of texts", { type: "array", items: { type: "string" } }, "lines", false],
  ["a set of numbers", { type: "array", items: { type: "integer" }, uniqueItems: true }, "lines", false],
  ["a list of enums", { type: "array", items: { $ref: "#/$defs/Color" } }, "lines", false],
  ["a list of decimals", { type: "array", items: DECIMAL }, "lines", false],
  ["an optional list", { anyOf: [{ type: "array", items: { type: "string" } }, NULL] }, "lines", true],
  ["a list of objects", { type: "array", items: { $ref: "#/$defs/Order" } }, "json", false],
  ["a list of lists", { type: "array", items: { type: "array", items: { type: "string" } } }, "json", false],
  ["a list of optional numbers", { type: "array", items: { anyOf: [{ type: "integer" }, NULL] } }, "json", false],
  ["a tuple", { type: "array", prefixItems: [{ type: "integer" }, { type: "string" }] }, "json", false],
  ["a bare list", { type: "array", items: {} }, "lines", false],
  ["a dict", { type: "object", additionalProperties: { type: "integer" } }, "json", false],
  ["a model", { $ref: "#/$defs/Order" }, "json", false],
  ["two models", { oneOf: [{ $ref: "#/$defs/Order" }, { type: "object" }] }, "json", false],
  ["a decimal", DECIMAL, "loose", false],
  ["a number or text", { anyOf: [{ type: "integer" }, { type: "string" }] }, "loose", false],
  ["anything", {}, "loose", false],
  ["nothing", NULL, "choice", true],
  ["a schema that only names itself", { $ref: "#/$defs/Loop" }, "loose", false],
];

for (const [name, schema, control, nullable] of CONTROLS) {
  test(`${name}: ${control}${nullable ? ", or nothing" : ""}`, () => {
    const found = kind(schema);
    assert.deepEqual([found.control, found.nullable], [control, nullable]);
  });
}

const TEXTS = { type: "array", items: { type: "string" } };
const NUMBERS = { type: "array", items: { type: "integer" } };
const SENT = [
  ["a number is sent as it was typed", { type: "integer" }, "1269943055849660418", "1269943055849660418"],
  ["one of many digits", { type: "number" }, "0.12345678901234567890", "0.12345678901234567890"],
  ["as people write it", { type: "number" }, "+.5", "0.5"],
  ["with zeros before it", { type: "integer" }, " -007 ", "-7"],
  ["with a full stop after it", { type: "number" }, "5.", "5"],
  ["what is no number is for the server to name", { type: "integer" }, "seven", '"seven"'],
  ["text", { type: "string" }, 'a "b"\n', '"a \\"b\\"\\n"'],
  ["a choice keeps its type", { enum: [1, "2"] }, "1", "1"],
  ["a choice that is text", { enum: [1, "2"] }, "2", '"2"'],
  ["a choice in quotes is text", { enum: [1, "1"] }, '"1"', '"1"'],
  ["a choice beyond 2^53", { enum: [BIG - 1n, BIG] }, "9007199254740993", "9007199254740993"],
  ["lines of yes and no", { type: "array", items: { enum: [true, "x"] } }, "Yes\ntrue\nx", '[true,true,"x"]'],
  ["lines", TEXTS, "a.jpg\n\n b.jpg", '["a.jpg"," b.jpg"]'],
  ["a list in JSON", TEXTS, ' ["a.jpg", ""] ', '["a.jpg", ""]'],
  ["a line that only begins like JSON", TEXTS, "[draft] a.jpg", '["[draft] a.jpg"]'],
  ["lines of numbers", NUMBERS, "1269943055849660418\n-2", "[1269943055849660418,-2]"],
  ["no lines", NUMBERS, " ", "[]"],
  ["an object", { type: "object" }, ' {"n": 1269943055849660418} ', '{"n": 1269943055849660418}'],
  ["number or text: a number", { anyOf: [{ type: "integer" }, { type: "string" }] }, "12", "12"],
  ["number or text: text", { anyOf: [{ type: "integer" }, { type: "string" }] }, "twelve", '"twelve"'],
  ["number or text: text in quotes", { anyOf: [{ type: "integer" }, { type: "string" }] }, '"12"', '"12"'],
  ["number or text: no type that fits", { anyOf: [{ type: "integer" }, { type: "string" }] }, "true", '"true"'],
  ["a decimal", DECIMAL, "1.5", "1.5"],
  ["a decimal that a float would round", DECIMAL, "1.10", '"1.10"'],
  ["anything: a list", {}, "[1]", "[1]"],
  ["anything: text", {}, "[1", '"[1"'],
];

for (const [name, schema, typed, sent] of SENT) test(`sent: ${name}`, () => assert.equal(jsonOf(kind(schema), typed), sent));

test("what is no JSON is said before it is sent", () => {
  for (const text of ["{a: 1}", "NaN", "{", ""]) assert.throws(() => jsonOf(kind({ type: "object" }), text), FieldError);
});

test("a default stands in its field, and means itself", () => {
  const defaults = [
    [{ type: "integer" }, 800],
    [{ type: "string" }, "hello"],
    [TEXTS, ["a", "b"]],
    [TEXTS, ["", "two\nlines"]],
    [NUMBERS, [1, 2]],
    [{ type: "object" }, { a: [1] }],
    [{ anyOf: [{ type: "integer" }, { type: "string" }] }, "12"],
    [{ anyOf: [{ type: "integer" }, { type: "string" }] }, "a"],
    [{ anyOf: [{ type: "integer" }, { type: "string" }] }, 12],
    [{}, "true"],
    [{}, ["a"]],
    [{ enum: [1, "a"] }, 1],
  ];
  for (const [schema, value] of defaults) {
    assert.deepEqual(JSON.parse(jsonOf(kind(schema), textOf(kind(schema), value))), value);
  }
  assert.equal(textOf(kind(TEXTS), ["a", "b"]), "a\nb");
  assert.equal(textOf(kind({ anyOf: [{ type: "integer" }, NULL] }), null), "");
});

test("integers beyond 2^53 are shown as they are", () => {
  assert.equal(textOf(kind({ type: "integer" }), BIG), "9007199254740993");
  assert.equal(textOf(kind(NUMBERS), [BIG, 1]), "9007199254740993\n1");
  assert.equal(textOf(kind({ type: "object" }), { a: [BIG] }), '{"a":[9007199254740993]}');
  assert.equal(textOf(kind({}), BIG), "9007199254740993");
  assert.equal(hintOf(kind({ type: "integer", minimum: -BIG, maximum: BIG })), "Whole number from -9007199254740993 to 9007199254740993");
  assert.equal(hintOf(kind({ type: "array", items: { enum: [BIG, 2] } })), "One per line: 9007199254740993, 2");
  assert.equal(hintOf(kind({ type: "array", prefixItems: [{ const: BIG }] })), "JSON, such as [9007199254740993]");
});

test("options that look alike differ on the page, and each sends its own value", () => {
  const found = kind({ enum: [1, "1", "a", true, "Yes", "", null, BIG] });
  assert.deepEqual(labelsOf(found.options), ["1", '"1"', "a", "Yes", '"Yes"', '""', "9007199254740993"]);
  assert.deepEqual([1, "1", BIG, "b", undefined].map((value) => placeOf(found, value)), [0, 1, 6, -1, -1]);
  assert.deepEqual([0, "1", 6].map((place) => optionAt(found, place)), ["1", '"1"', "9007199254740993"]);
});

test("a field says what fits", () => {
  assert.equal(hintOf(kind({ type: "integer", minimum: 1, maximum: 10 })), "Whole number from 1 to 10");
  assert.equal(hintOf(kind({ type: "number", exclusiveMinimum: 0 })), "More than 0");
  assert.equal(hintOf(kind({ type: "string", maxLength: 3 })), "At most 3 characters");
  assert.equal(hintOf(kind({ ...TEXTS, maxItems: 5 })), "One per line; at most 5 entries");
  assert.equal(hintOf(kind({ type: "array", items: { $ref: "#/$defs/Color" } })), "One per line: red, blue");
  assert.equal(hintOf(kind({ $ref: "#/$defs/Order" })), 'JSON, such as {"name": "text"}');
  assert.equal(hintOf(kind({ type: "array", prefixItems: [{ type: "integer" }, { $ref: "#/$defs/Color" }] })), 'JSON, such as [1, "red"]');
  assert.equal(hintOf(kind({ type: "object", additionalProperties: { type: "integer" } })), 'JSON, such as {"name": 1}');
  assert.equal(hintOf(kind({ $ref: "#/$defs/Tree" })).slice(0, 30), 'JSON, such as {"children": [{"');
  assert.equal(hintOf(kind(DECIMAL)), "Number or text");
  assert.equal(hintOf(kind({ type: "string" })), "");
});
