// The palette (Ctrl K, ⌘ K): what is typed leads to a view, a queue, a job or a search.

import { element } from "./progress-view.js";
import { at, pageOf, searchFor } from "./shell.js";

const MOST = 12;
const ID = /^[0-9a-f]{8}-?[0-9a-f-]*$/i;

export class Palette {
  #dialog;
  #input = element("input");
  #list = element("ul");
  #chosen = 0;
  #queues = [];

  /** `dialog(name, label, ...parts)` makes one. */
  constructor(dialog) {
    this.#input.type = "search";
    this.#input.placeholder = "A view, a queue, a job's id, or what to look for";
    this.#input.setAttribute("aria-label", "Go to");
    this.#dialog = dialog("palette", "Go to", this.#input, this.#list);
    this.#input.addEventListener("input", () => this.#show());
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
  }

  async open() {
    this.#input.value = "";
    this.#show();
    if (!this.#dialog.open) this.#dialog.showModal();
    const answer = await fetch(at("/api/queues")).catch(() => null);
    this.#queues = answer?.ok ? (await answer.json()).queues.map(({ name }) => name) : []; // not an operator: no queues
    this.#show();
  }

  #show() {
    const typed = this.#input.value.trim();
    const views = [...document.querySelectorAll(".views a")].map((view) => [view.textContent, view.getAttribute("href")]);
    const queues = this.#queues.map((name) => [`Queue ${name}`, at(searchFor(`queue:${name}`))]);
    const found = [...views, ...queues].filter(([text]) => text.toLowerCase().includes(typed.toLowerCase()));
    if (ID.test(typed)) found.unshift([`Job ${typed}`, at(pageOf(typed))]);
    if (typed) found.push([`Search jobs for “${typed}”`, at(searchFor(typed))]);
    this.#list.replaceChildren(...found.slice(0, MOST).map(([text, href]) => item(text, href)));
    this.#choose(0);
  }

  #choose(at) {
    const links = [...this.#list.querySelectorAll("a")];
    this.#chosen = Math.min(links.length - 1, Math.max(0, at));
    links.forEach((link, index) => link.toggleAttribute("data-chosen", index === this.#chosen));
    links[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.#choose(this.#chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#list.querySelectorAll("a")[this.#chosen]?.click();
    }
  }
}

function item(text, href) {
  const link = element("a", "", text);
  link.href = href;
  const made = element("li");
  made.append(link);
  return made;
}
