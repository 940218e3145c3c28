// <task-form>: the form of one task, made from the JSON Schema of its arguments. Property `task` as in /api/tasks.

import { submit, submitMany } from "../client.js";
import { element, write } from "../progress-view.js";

export class TaskForm extends HTMLElement {
  task = null;
  #form = element("form");
  #fields = new Map(); // name → {input, wrong, schema}
  #each = null; // the box "one job per line"
  #message = element("p", "form-message");

  static define(tag = "task-form") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    if (this.#form.isConnected || this.task === null) return;
    const { name, summary, arguments: schema } = this.task;
    this.#message.setAttribute("role", "status");
    this.#form.noValidate = true; // the server's words are better than the browser's, and there is one set of rules
    const properties = Object.entries(schema.properties ?? {});
    this.#form.append(
      element("p", "form-summary", summary),
      ...properties.map(([field, part]) => this.#field(`${name}-${field}`, field, part)),
    );
    const lines = properties.length === 1 && properties[0][1].type === "string";
    if (lines) this.#form.append(this.#eachLine(name));
    const button = element("button", "run", "Run");
    button.type = "submit";
    this.#form.append(button, this.#message);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(button);
    });
    this.append(this.#form);
  }

  #field(id, name, schema) {
    const box = element("div", "field");
    const label = element("label", "", schema.title ?? name);
    const whole = schema.type === "integer";
    const input = element(whole || name === "url" ? "input" : "textarea");
    input.id = label.htmlFor = id;
    input.name = name;
    if (whole) Object.assign(input, { type: "number", min: schema.minimum ?? "", max: schema.maximum ?? "", value: schema.minimum ?? 0 });
    else if (name === "url") Object.assign(input, { type: "url", placeholder: "https://", autocomplete: "url" });
    else input.rows = 1;
    const wrong = element("p", "wrong");
    wrong.id = `${id}-wrong`;
    input.setAttribute("aria-describedby", wrong.id);
    box.append(label, input, wrong);
    this.#fields.set(name, { input, wrong, schema });
    return box;
  }

  #eachLine(name) {
    const label = element("label", "each", "One job per line");
    this.#each = element("input");
    this.#each.type = "checkbox";
    this.#each.addEventListener("change", () => this.#toggleLines());
    this.#each.id = `${name}-each`;
    label.prepend(this.#each);
    return label;
  }

  #toggleLines() {
    const [[name, field]] = this.#fields;
    const input = element(this.#each.checked || name !== "url" ? "textarea" : "input");
    Object.assign(input, { id: field.input.id, name, value: field.input.value });
    if (this.#each.checked) input.rows = 4;
    else if (name === "url") Object.assign(input, { type: "url", placeholder: "https://" });
    else input.rows = 1;
    input.setAttribute("aria-describedby", field.wrong.id);
    field.input.replaceWith(input);
    field.input = input;
  }

  async #submit(button) {
    for (const { input, wrong } of this.#fields.values()) {
      input.removeAttribute("aria-invalid");
      write(wrong, "");
    }
    write(this.#message, "");
    button.disabled = true;
    try {
      if (this.#each?.checked) await this.#submitLines();
      else await submit(this.task.name, this.#values());
    } catch (error) {
      this.#show(error);
    } finally {
      button.disabled = false;
    }
  }

  #values() {
    return Object.fromEntries([...this.#fields].map(([name, { input, schema }]) => [name, value(input.value, schema)]));
  }

  async #submitLines() {
    const [[name, { input }]] = this.#fields;
    const lines = input.value.split("\n").filter((line) => line.trim() !== "");
    const { ids } = await submitMany(this.task.name, lines.map((line) => ({ [name]: line })));
    write(this.#message, `${ids.length.toLocaleString("en-US")} jobs queued`);
  }

  #show(error) {
    const rest = [];
    for (const [name, { expected, got }] of Object.entries(error.fields ?? {})) {
      const field = this.#fields.get(name.split(".").at(-1));
      if (!field) {
        rest.push(`${name}: expected ${expected}, got ${got}`);
        continue;
      }
      field.input.setAttribute("aria-invalid", "true");
      write(field.wrong, `Expected ${expected}, got ${got}`);
      field.input.focus();
    }
    if (rest.length > 0 || Object.keys(error.fields ?? {}).length === 0) write(this.#message, rest.join("; ") || error.message);
  }
}

/** What a field holds, as its schema wants it; what doesn't fit goes as it is, for the server to name. */
function value(text, schema) {
  return schema.type === "integer" && /^-?\d+$/.test(text) ? Number(text) : text;
}
