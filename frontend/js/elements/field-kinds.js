// What a field of a form asks for, by the JSON Schema of one argument, and the JSON that what stands in it means. Pure.
//
// JSON goes in and out as text: a number beyond 2^53 must reach the server as it was typed. One in a schema is a BigInt.

import { stringify } from "../exact.js";

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/; // as JSON has it
const DEEPEST = 8; // references followed: a schema may refer to itself
const MOMENTS = { date: "date", time: "time", "date-time": "datetime-local" };

/** What was typed can't be sent; `message` says what would be right. */
export class FieldError extends Error {}

/**
 * How to ask for an argument of `schema`; `defs` are the schema's $defs. {control, nullable, schema} and, by control:
 * "switch"; "choice" (`options`, values); "number" (`whole`); "text" (`lines`: it may have several); "moment" (`input`, the type of
 * an <input>); "lines" (`item`, the kind of each line); "loose" (`types` of JSON it may be; else it is text); "json" (`example`, a value).
 */
export function kindOf(schema, defs = {}) {
  const { found, nullable } = simplify(schema, defs);
  const made = { ...controlOf(found, nullable, defs), nullable, schema: found };
  return made.control === "json" ? { ...made, example: exampleOf(found, defs) } : made;
}

const SHOWN = 2; // levels of an example
const EXAMPLES = { string: "text", integer: 1, number: 1.5, boolean: true, null: null };

/** A value of `schema`, to show how one looks. */
function exampleOf(schema, defs, depth = 0) {
  const { found } = simplify(schema, defs);
  const inside = (part) => exampleOf(part, defs, depth + 1);
  const choices = choicesOf(found);
  if (choices !== null) return choices[0];
  if (found.anyOf) return inside(found.anyOf[0]);
  if (found.type === "array") {
    const parts = found.prefixItems ?? (found.items && found.items !== true ? [found.items] : []);
    return depth > SHOWN ? [] : parts.map(inside);
  }
  if (found.type !== "object") return EXAMPLES[found.type] ?? "text";
  const { properties, required = [], additionalProperties: values } = found;
  const names = Object.keys(properties ?? {}).filter((name) => required.length === 0 || required.includes(name));
  if (depth > SHOWN) return {};
  if (properties) return Object.fromEntries(names.map((name) => [name, inside(properties[name])]));
  return values ? { name: values === true ? "text" : inside(values) } : {};
}

function simplify(schema, defs) {
  let found = resolve(schema, defs);
  const several = found.anyOf ?? found.oneOf;
  if (several === undefined) return { found, nullable: found.type === "null" || (found.enum ?? []).includes(null) };
  const parts = several.map((part) => resolve(part, defs));
  const others = parts.filter(({ type }) => type !== "null");
  const { anyOf, oneOf, ...outer } = found;
  if (others.length === 1) {
    const inner = simplify({ ...others[0], ...outer }, defs);
    return { found: inner.found, nullable: inner.nullable || parts.length > 1 };
  }
  const choices = others.map(choicesOf);
  if (choices.every((one) => one !== null)) found = { ...outer, enum: choices.flat() };
  else found = { ...outer, anyOf: others };
  return { found, nullable: others.length < parts.length };
}

function resolve(schema, defs, depth = 0) {
  const { $ref, allOf, ...rest } = schema;
  const target = $ref ? defs[$ref.split("/").at(-1)] : allOf?.length === 1 ? allOf[0] : undefined;
  return target === undefined || depth > DEEPEST ? schema : { ...resolve(target, defs, depth + 1), ...rest };
}

const choicesOf = ({ enum: values, const: only }) => values ?? (only === undefined ? null : [only]);

function controlOf(schema, nullable, defs) {
  const choices = choicesOf(schema);
  if (choices !== null) return { control: "choice", options: choices.filter((value) => value !== null) };
  if (schema.anyOf) return looseOf(schema.anyOf);
  switch (schema.type) {
    case "boolean":
      return nullable ? { control: "choice", options: [true, false] } : { control: "switch" };
    case "integer":
    case "number":
      return { control: "number", whole: schema.type === "integer" };
    case "string":
      if (schema.format in MOMENTS) return { control: "moment", input: MOMENTS[schema.format] };
      return { control: "text", lines: !["email", "uri", "uuid", "password", "duration", "path"].includes(schema.format) };
    case "array":
      return linesOf(schema, defs);
    case "null":
      return { control: "choice", options: [] };
    case undefined:
      return { control: "loose", types: ["null", "boolean", "integer", "number", "string", "array", "object"] };
    default:
      return { control: "json" };
  }
}

function looseOf(parts) {
  const types = parts.map(({ type }) => type);
  return types.includes("string") || types.includes(undefined) ? { control: "loose", types } : { control: "json" };
}

/** A list of simple values has a line for each. */
function linesOf({ items, prefixItems }, defs) {
  if (prefixItems !== undefined || items === undefined || items === true) return { control: "json" };
  const item = kindOf(items, defs);
  const isSimple = ["number", "text", "moment", "choice", "loose"].includes(item.control) && !item.nullable;
  return isSimple ? { control: "lines", item } : { control: "json" };
}

/** The JSON text of what was typed. Throws FieldError. */
export function jsonOf(kind, text) {
  switch (kind.control) {
    case "number":
      return numberOf(text);
    case "choice":
      return choiceOf(kind, text);
    case "lines":
      return listOf(kind, text);
    case "loose":
      return looseJson(kind, text);
    case "json":
      return checked(text);
    default:
      return JSON.stringify(text);
  }
}

function numberOf(text) {
  const bare = text.trim();
  if (NUMBER.test(bare)) return bare;
  const plain = bare.replace(/^\+/, "").replace(/^(-?)0+(?=\d)/, "$1").replace(/^(-?)\./, "$10.").replace(/\.(?=$|[eE])/, "");
  return NUMBER.test(plain) ? plain : JSON.stringify(text); // the server says what is wrong with it
}

function choiceOf({ options }, text) {
  const labels = labelsOf(options);
  const at = labels.includes(text) ? labels.indexOf(text) : options.map(String).indexOf(text);
  return stringify(at < 0 ? text : options[at]);
}

/** What people read for each of `options`: a text in quotes where it would look like another option. */
export function labelsOf(options) {
  const shown = (value) => (typeof value === "boolean" ? (value ? "Yes" : "No") : typeof value === "object" ? stringify(value) : String(value));
  const labels = options.map(shown);
  const isAmbiguous = (label) => label.trim() === "" || labels.filter((other) => other === label).length > 1;
  return options.map((value, index) => (typeof value === "string" && isAmbiguous(value) ? JSON.stringify(value) : labels[index]));
}

/** Which of a choice's options `value` is; -1: none. */
export const placeOf = ({ options }, value) => options.findIndex((option) => stringify(option) === stringify(value));

/** The JSON text of a choice's option at that place. */
export const optionAt = ({ options }, place) => stringify(options[place]);

function listOf({ item }, text) {
  if (text.trim().startsWith("[") && typeOf(text) === "array") return text.trim();
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return `[${lines.map((line) => jsonOf(item, line)).join(",")}]`;
}

function looseJson({ types }, text) {
  const type = typeOf(text);
  const fits = types.includes(type) || (type === "integer" && types.includes("number"));
  if (!fits || type === "string") return type === "string" ? text.trim() : JSON.stringify(text);
  const bare = text.trim();
  // a decimal has this schema too, and takes as text what a float would round
  const isRounded = types.length === 2 && types.includes("number") && String(Number(bare)) !== bare;
  return isRounded ? JSON.stringify(bare) : bare;
}

function checked(text) {
  try {
    JSON.parse(text);
  } catch {
    throw new FieldError("This isn’t JSON. Texts and names need double quotes, as in {\"name\": \"Ada\", \"sizes\": [1, 2]}.");
  }
  return text.trim();
}

/** The type, in words of JSON Schema, of a JSON text; null where it is none. */
function typeOf(text) {
  try {
    const value = JSON.parse(text);
    if (value === null) return "null";
    if (Array.isArray(value)) return "array";
    if (typeof value === "number") return /[.eE]/.test(text) ? "number" : "integer";
    return typeof value;
  } catch {
    return null;
  }
}

/** What stands in the field for `value`, a default. */
export function textOf(kind, value) {
  if (value === undefined || value === null) return "";
  if (kind.control === "choice" && placeOf(kind, value) >= 0) return labelsOf(kind.options)[placeOf(kind, value)];
  if (kind.control === "lines" && Array.isArray(value)) {
    const lines = value.map((one) => textOf(kind.item, one));
    return lines.every((line) => line.trim() !== "" && !line.includes("\n")) ? lines.join("\n") : stringify(value);
  }
  if (typeof value === "string" && (kind.control !== "loose" || looseJson(kind, value) === JSON.stringify(value))) {
    return kind.control === "json" ? JSON.stringify(value) : value;
  }
  return typeof value === "object" || typeof value === "string" ? stringify(value) : String(value);
}

/** What fits into the field, in a few words; "" where its control says so. */
export function hintOf(kind) {
  const hint = hintFor(kind);
  return hint.slice(0, 1).toUpperCase() + hint.slice(1);
}

function hintFor({ control, whole, schema, item, types, example }) {
  switch (control) {
    case "number":
      return [whole && "Whole number", range(schema)].filter(Boolean).join(" ");
    case "lines":
      return [item.options ? `One per line: ${labelsOf(item.options).join(", ")}` : "One per line", size(schema, "entries")].filter(Boolean).join("; ");
    case "loose":
      return types.every((type) => ["string", "integer", "number"].includes(type)) ? "Number or text" : "Text or JSON";
    case "json":
      return `JSON, such as ${stringify(example, 1).replace(/\n */g, " ").replace(/([[{]) | (?=[\]}])/g, "$1")}`;
    case "text":
      if (schema.format === "duration") return "Hours, minutes and seconds, such as 1:30:00";
      return size({ minItems: schema.minLength, maxItems: schema.maxLength }, "characters");
    default:
      return "";
  }
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
  const parts = [];
  if (minimum !== undefined && maximum !== undefined) parts.push(`from ${minimum} to ${maximum}`);
  else if (minimum !== undefined) parts.push(`${minimum} or more`);
  else if (maximum !== undefined) parts.push(`${maximum} or less`);
  if (exclusiveMinimum !== undefined) parts.push(`more than ${exclusiveMinimum}`);
  if (exclusiveMaximum !== undefined) parts.push(`less than ${exclusiveMaximum}`);
  if (multipleOf !== undefined) parts.push(`a multiple of ${multipleOf}`);
  return parts.join(", ");
}

function size({ minItems, maxItems }, what) {
  if (minItems && maxItems) return `${minItems} to ${maxItems} ${what}`;
  if (minItems > 1) return `${minItems} ${what} or more`;
  return maxItems ? `at most ${maxItems} ${what}` : "";
}
