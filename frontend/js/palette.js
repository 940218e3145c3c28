// The palette (Ctrl K, ⌘ K): what is typed leads to a view, a queue, a job or a search, or does something.

import { post } from "./pages/post.js";
import { element } from "./progress-view.js";
import { acts, at, attempt, isSure, pageOf, say, searchFor } from "./shell.js";

const operates = acts && document.body.dataset.role === "operator"; // a viewer acts on own jobs alone
const MOST = 12;
const ID = /^[0-9a-f]{8}-?[0-9a-f-]*$/i;

export class Palette {
  #dialog;
  #input = element("input");
  #list = element("ul");
  #chosen = 0;
  #queues = [];
  #own; // [text, what it does] of the page itself

  /** `dialog(name, label, ...parts)` makes one; `own` is [[text, act]] that it offers beside its own. */
  constructor(dialog, own) {
    this.#own = own;
    this.#input.type = "search";
    this.#input.placeholder = "A view, a queue, a job's id, what to do, or what to look for";
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
    this.#queues = answer?.ok ? (await answer.json()).queues : []; // not an operator: no queues
    this.#show();
  }

  #show() {
    const typed = this.#input.value.trim();
    const views = [...document.querySelectorAll(".views a")].map((view) => [view.textContent, view.getAttribute("href")]);
    const queues = this.#queues.map(({ name }) => [`Queue ${name}`, at(searchFor(`queue:${name}`))]);
    const all = [...views, ...queues, ...this.#own, ...(operates ? actions(this.#queues) : [])];
    const found = all.filter(([text]) => text.toLowerCase().includes(typed.toLowerCase()));
    if (ID.test(typed)) found.unshift([`Job ${typed}`, at(pageOf(typed))]);
    if (typed) found.push([`Search jobs for “${typed}”`, at(searchFor(typed))]);
    this.#list.replaceChildren(...found.slice(0, MOST).map(([text, act]) => this.#item(text, act)));
    this.#choose(0);
  }

  #item(text, act) {
    const made = element("li");
    const choice = element(typeof act === "string" ? "a" : "button", "choice", text);
    if (typeof act === "string") choice.href = act;
    else {
      choice.type = "button";
      choice.addEventListener("click", () => {
        this.#dialog.close();
        act();
      });
    }
    made.append(choice);
    return made;
  }

  #choose(at) {
    const choices = [...this.#list.querySelectorAll(".choice")];
    this.#chosen = Math.min(choices.length - 1, Math.max(0, at));
    choices.forEach((one, index) => one.toggleAttribute("data-chosen", index === this.#chosen));
    choices[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.#choose(this.#chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && event.target === this.#input) { // else it is for what has the focus
      event.preventDefault();
      this.#list.querySelectorAll(".choice")[this.#chosen]?.click();
    }
  }
}

/** What may be done to all workers and to each queue; what can't be undone is asked about. */
function actions(queues) {
  const all = [["suspend", "Suspend all workers"], ["resume", "Resume all workers"]];
  const made = all.map(([verb, text]) => [text, () => attempt(() => post(`/api/workers/${verb}`).then(() => say(`${text}: done.`)))]);
  for (const { name, failed, queued } of queues) {
    const path = `/api/queues/${encodeURIComponent(name)}`;
    const tell = ({ count }) => say(`${count.toLocaleString("en-US")} jobs.`);
    if (failed > 0) made.push([`Requeue failed jobs of ${name}`, () => attempt(() => post(`${path}/requeue-failed`).then(tell))]);
    if (queued > 0) made.push([`Empty queue ${name}`, () => empty(name, queued, () => attempt(() => post(`${path}/empty`).then(tell)))]);
  }
  return made;
}

async function empty(name, count, act) {
  if (await isSure(`Empty the queue ${name}?`, `${count.toLocaleString("en-US")} jobs that wait on it are deleted.`, "Empty queue")) act();
}
