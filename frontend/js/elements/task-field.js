// One field of a task's form: its label, what fits into it, its control, and what was wrong. Made of one argument's schema.

import { element, write } from "../progress-view.js";
import { FieldError, hintOf, jsonOf, kindOf, labelsOf, optionAt, placeOf, textOf } from "./field-kinds.js";
import { ZoneChoice, zoned } from "./zone-choice.js";

const ONE_LINE = { email: "email", uri: "url", password: "password" }; // types of <input> by the schema's format
const LINES = 4; // of a box that takes many
const NONE = "\0"; // the value of the choice that is none

export class TaskField {
  element = element("div", "field");
  /** The control that people fill in. */
  input;
  #kind;
  #required;
  #schema;
  #hint = element("p", "hint");
  #wrong = element("p", "wrong");
  #initial; // what stood in it before anybody touched it
  #touched = false;
  #zone = null; // of a date with a time
  #none = null; // the box "No value", where an empty field means something else

  /** `id` is the control's on the page; `required`: it has no default. */
  constructor(id, name, schema, { required, defs }) {
    this.#kind = kindOf(schema, defs);
    this.#required = required;
    this.#schema = schema;
    this.input = this.#make(name);
    this.#wear(id, name);
    const label = element("label", "", schema.title ?? title(name)); // pydantic gives those of enums and models no title
    label.htmlFor = id;
    if (this.#kind.control === "switch") {
      label.className = "switch";
      label.prepend(this.input);
      this.element.append(label);
    } else this.element.append(label, this.input);
    if (this.#zone !== null) this.element.append(this.#zone.element);
    if (this.#mayBeNone) this.element.append(this.#makeNone());
    const hint = [this.#schema.description, hintOf(this.#kind)].filter(Boolean).join(" · ");
    write(this.#hint, hint);
    this.#hint.hidden = hint === "";
    this.element.append(this.#hint, this.#wrong);
    this.#initial = this.#typed;
    for (const event of ["input", "change"]) this.element.addEventListener(event, () => (this.#touched = true));
  }

  /** Whether it is one text, of which a form may take one for each line. */
  get isText() {
    return this.#kind.control === "text" && this.#required;
  }

  /** Whether each entry has its line. */
  get hasLines() {
    return this.#kind.control === "lines";
  }

  /** The JSON text of what was filled in; null: nothing, so its default counts. Throws FieldError. */
  read() {
    const { control, nullable } = this.#kind;
    if (control === "switch") return this.#required || this.input.checked !== this.#initial ? String(this.input.checked) : null;
    if (this.#none?.checked) return "null";
    if (this.input.validity.badInput) throw new FieldError(control === "number" ? "Enter a number." : "Enter all of it, or nothing.");
    const text = this.input.value;
    if (control === "choice" && text === NONE) return "null";
    const isEmpty = ["text", "loose"].includes(control) ? text === "" : text.trim() === "";
    if (!isEmpty) return !this.#required && this.#typed === this.#initial ? null : this.#json(text);
    if (this.#required ? !this.#touched : this.#typed === this.#initial) return null;
    if (control === "text") return '""';
    if (control === "lines" && !this.#required) return "[]";
    return nullable && !this.#required ? "null" : null;
  }

  /** The lines that stand in it, but for empty ones. */
  get lines() {
    return this.input.value.split("\n").filter((line) => line.trim() !== "");
  }

  /** Say what is wrong with it; "": nothing is. */
  complain(text) {
    if (text) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
    write(this.#wrong, text);
  }

  /** Have room for many lines, or for one. */
  widen(isWide) {
    const before = this.input;
    this.input = isWide ? box(LINES) : this.#make(before.name);
    this.input.value = isWide ? before.value : (before.value.split("\n")[0] ?? "");
    this.#wear(before.id, before.name);
    before.replaceWith(this.input);
  }

  get #typed() {
    if (this.#kind.control === "switch") return this.input.checked;
    return `${this.#zone?.value ?? ""} ${this.#none?.checked ?? ""} ${this.input.value}`;
  }

  #json(text) {
    if (this.#kind.control === "choice") return optionAt(this.#kind, text);
    return this.#zone === null ? jsonOf(this.#kind, text) : JSON.stringify(zoned(text, this.#zone.value));
  }

  #wear(id, name) {
    Object.assign(this.input, { id, name });
    [this.#hint.id, this.#wrong.id] = [`${id}-hint`, `${id}-wrong`];
    this.input.setAttribute("aria-describedby", `${this.#hint.id} ${this.#wrong.id}`);
    if (this.#required && this.#kind.control !== "switch") this.input.setAttribute("aria-required", "true");
  }

  #make(name) {
    const { control, schema, input, lines } = this.#kind;
    const { default: given } = this.#schema;
    const before = schema.format === "password" ? "" : textOf(this.#kind, given); // what it shows of a secret is not the secret
    if (control === "switch") return Object.assign(element("input"), { type: "checkbox", checked: given === true });
    if (control === "choice") return this.#choice(given);
    if (control === "number") return Object.assign(element("input"), { type: "number", ...bounds(schema), value: before });
    if (control === "moment") return this.#moment(input, before);
    if (control !== "text") return Object.assign(box(control === "loose" ? 1 : Math.max(2, Math.min(LINES, before.split("\n").length))), { value: before });
    const type = ONE_LINE[schema.format] ?? (name === "url" ? "url" : lines ? "" : "text");
    if (type === "") return Object.assign(box(1), { value: before });
    const made = Object.assign(element("input"), { type, value: before });
    if (type === "url") Object.assign(made, { placeholder: "https://", autocomplete: "url" });
    if (type === "password") Object.assign(made, { autocomplete: "new-password", placeholder: given === undefined ? "" : "unchanged" });
    return made;
  }

  #choice(given) {
    const made = element("select");
    const { options, nullable } = this.#kind;
    const place = placeOf(this.#kind, given);
    const isOpen = this.#required && given === undefined; // nothing is chosen for anybody
    if (isOpen || nullable || place < 0) made.append(new Option(nullable && !isOpen ? "No value" : "Choose…", ""));
    if (isOpen && nullable) made.append(new Option("No value", NONE));
    for (const [index, label] of labelsOf(options).entries()) made.append(new Option(label, index)); // two may have one text
    made.value = place < 0 ? "" : place;
    return made;
  }

  #moment(type, before) {
    const made = Object.assign(element("input"), { type, step: type === "date" ? "" : "1" });
    if (type === "datetime-local") {
      this.#zone = new ZoneChoice(before);
      made.value = this.#zone.local;
    } else made.value = before;
    return made;
  }

  /** Whether there must be another way than an empty field to say that there is no value. */
  get #mayBeNone() {
    const { control, nullable } = this.#kind;
    if (this.#required) return nullable && control !== "choice";
    return nullable && (this.#schema.default ?? null) !== null && ["text", "lines"].includes(control);
  }

  #makeNone() {
    this.#none = Object.assign(element("input"), { type: "checkbox" });
    this.#none.addEventListener("change", () => (this.input.disabled = this.#none.checked));
    const label = element("label", "switch", "No value");
    label.prepend(this.#none);
    return label;
  }
}

const box = (rows) => Object.assign(element("textarea"), { rows });

/** "max_width" → "Max Width", as pydantic has it. */
const title = (name) => name.split("_").filter(Boolean).map((word) => word[0].toUpperCase() + word.slice(1)).join(" ");

function bounds({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
  const isWhole = type === "integer";
  return {
    min: minimum ?? (isWhole && exclusiveMinimum !== undefined ? beside(exclusiveMinimum, 1) : ""),
    max: maximum ?? (isWhole && exclusiveMaximum !== undefined ? beside(exclusiveMaximum, -1) : ""),
    step: multipleOf ?? (isWhole ? 1 : "any"),
  };
}

/** A number's neighbour; exact, however large. */
const beside = (number, step) => (typeof number === "bigint" || Number.isInteger(number) ? BigInt(number) + BigInt(step) : number + step);
