// <task-form>: the form of one task, made from the JSON Schema of its arguments. Property `task` as in /api/tasks.

import { submit, submitMany } from "../client.js";
import { element, write } from "../progress-view.js";
import { FieldError } from "./field-kinds.js";
import { TaskField } from "./task-field.js";

export class TaskForm extends HTMLElement {
  task = null;
  #form = element("form");
  #fields = new Map(); // name → TaskField
  #each = null; // the box "one job per line"
  #message = element("p", "form-message");

  static define(tag = "task-form") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    if (this.#form.isConnected || this.task === null) return;
    const { name, summary, arguments: schema } = this.task;
    this.#message.setAttribute("role", "status");
    this.#form.noValidate = true; // our words are better than the browser's, and there is one set of rules
    if (summary) this.#form.append(element("p", "form-summary", summary));
    for (const [argument, part] of Object.entries(schema.properties ?? {})) {
      const required = (schema.required ?? []).includes(argument);
      const field = new TaskField(`${name}-${argument}`, argument, part, { required, defs: schema.$defs ?? {} });
      this.#fields.set(argument, field);
      this.#form.append(field.element);
    }
    const [only] = this.#fields.values();
    if (this.#fields.size === 1 && only.isText) this.#form.append(this.#eachLine(name, only));
    const button = element("button", "run", "Run");
    button.type = "submit";
    this.#form.append(button, this.#message);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(button);
    });
    this.append(this.#form);
  }

  #eachLine(name, field) {
    const label = element("label", "each", "One job per line");
    this.#each = element("input");
    this.#each.type = "checkbox";
    this.#each.addEventListener("change", () => field.widen(this.#each.checked));
    this.#each.id = `${name}-each`;
    label.prepend(this.#each);
    return label;
  }

  async #submit(button) {
    for (const field of this.#fields.values()) field.complain("");
    write(this.#message, "");
    button.disabled = true;
    try {
      if (this.#each?.checked) await this.#submitLines();
      else {
        const args = this.#read();
        if (args !== null) await submit(this.task.name, args);
      }
    } catch (error) {
      await this.#show(error);
    } finally {
      button.disabled = false;
    }
  }

  /** The arguments as JSON text, so that no number is rounded; null where a field can't be read, and says so. */
  #read() {
    const parts = [];
    let isRight = true;
    for (const [name, field] of this.#fields) {
      try {
        const json = field.read();
        if (json !== null) parts.push(`${JSON.stringify(name)}:${json}`);
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
        field.complain(error.message);
        if (isRight) field.input.focus();
        isRight = false;
      }
    }
    return isRight ? `{${parts.join(",")}}` : null;
  }

  async #submitLines() {
    const [[name, field]] = this.#fields;
    const { ids } = await submitMany(this.task.name, field.lines.map((line) => ({ [name]: line })));
    write(this.#message, `${ids.length.toLocaleString("en-US")} ${ids.length === 1 ? "job" : "jobs"} queued`);
  }

  async #show(error) {
    const { placed, sentence } = await import("./field-words.js");
    const [rest, said] = [[], new Map()]; // said: field → sentences
    for (const [key, wrong] of Object.entries(error.fields ?? {})) {
      // of one of many jobs: args.<its number>.<name>
      const [, line, path] = /^(?:args\.(\d+)\.)?(.*)$/s.exec(key);
      const [name, ...inside] = path.split(".");
      const field = this.#fields.get(name);
      const text = field ? placed(inside.join("."), wrong, field.hasLines) : `${path}: ${sentence(wrong)}`;
      if (field) said.set(field, [...(said.get(field) ?? []), line === undefined ? text : `Line ${Number(line) + 1}: ${text}`]);
      else rest.push(text);
    }
    for (const [field, texts] of said) field.complain([...new Set(texts)].join(" "));
    [...this.#fields.values()].find((field) => said.has(field))?.input.focus();
    if (rest.length > 0 || said.size === 0) write(this.#message, rest.join(" ") || error.message);
  }
}
