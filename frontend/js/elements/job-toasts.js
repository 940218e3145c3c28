// <job-toasts>: ends of this browser's jobs, said once: here while the page is looked at, by the system while it is hidden.

import * as own from "../client.js";
import { duration } from "../format.js";
import { element } from "../progress-view.js";
import { addUnseen, startCounting } from "../unseen.js";
import { isWished } from "../wishes.js";
import { ENDED } from "../wire.js";

const STAYS = 6000; // ms; longer while the pointer or the keyboard is on it
const MOST = 3; // toasts of one job each that are shown; more become one
const GATHER = 120; // ms in which ends are put together
const loaded = performance.now(); // ms; by no clock that anybody sets

export class JobToasts extends HTMLElement {
  #stop = null;
  #leave = null; // ends what a notification leads to
  #waiting = []; // ends that are told with the next toast
  #away = []; // ends that came before the page, or while it was hidden
  #notified = 0; // of those, how many the system has told
  #gathering = 0;
  #look = () => document.hidden || this.#show();

  static client = own;

  static define(tag = "job-toasts", client = own) {
    this.client = client;
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    this.setAttribute("role", "log"); // what is added is spoken, politely
    this.setAttribute("aria-label", "Jobs that ended");
    this.#stop = this.constructor.client.onEnd((state) => this.#take(state));
    document.addEventListener("visibilitychange", this.#look);
    startCounting();
    this.#leave = onOpen((id) => this.#open(id));
    if (this.#waiting.length + this.#away.length > 0) this.#gatherSoon(); // it was moved before it had told them
  }

  disconnectedCallback() {
    this.#stop();
    this.#leave();
    document.removeEventListener("visibilitychange", this.#look);
    clearTimeout(this.#gathering);
    this.#gathering = 0;
  }

  #take(state) {
    if (!isWished(state)) return;
    (state.ended_at < this.#loadedAt || document.hidden ? this.#away : this.#waiting).push(state);
    if (document.hidden) addUnseen();
    this.#gatherSoon();
  }

  /** When the page was loaded, by the server's clock. */
  get #loadedAt() {
    return (this.constructor.client.connection?.now() ?? 0) - (performance.now() - loaded);
  }

  #gatherSoon() {
    this.#gathering ||= setTimeout(() => this.#gathered(), GATHER);
  }

  #gathered() {
    this.#gathering = 0;
    if (!document.hidden) return this.#show();
    const fresh = this.#away.slice(this.#notified);
    this.#notified = this.#away.length;
    if (fresh.length > 0) this.#notify(fresh);
  }

  /** By the system. The script is there already where a person allowed it: the page has loaded it then (shell.js). */
  async #notify(fresh) {
    const { notify } = await import("../notifications.js").catch(() => ({ notify() {} })); // the page tells it when it is looked at
    if (fresh.length === 1) notify({ title: `${fresh[0].task} ${fresh[0].status}`, body: detail(fresh[0]), id: fresh[0].id });
    else notify({ title: `${fresh.length} jobs ended`, body: counted(fresh), id: null });
  }

  #show() {
    this.#notified = 0;
    const [waiting, away] = [this.#waiting.splice(0), this.#away.splice(0)];
    if (away.length > 0) this.#add(`While you were away: ${counted(away)}`, "", away);
    if (waiting.length > MOST) this.#add(`${waiting.length} jobs ended: ${counted(waiting)}`, "", waiting);
    else for (const state of waiting) this.#add(`${state.task} ${state.status}`, detail(state), [state]);
  }

  #add(text, more, states) {
    const toast = element("div", "toast");
    const statuses = new Set(states.map(({ status }) => status));
    toast.dataset.status = ["failed", "stopped", "canceled"].find((status) => statuses.has(status)) ?? "finished";
    toast.part = "toast";
    const words = element("p");
    words.append(element("strong", "", text), ...(more ? [" ", element("span", "toast-detail", more)] : []));
    toast.append(words);
    if (states.length === 1) toast.append(button("Show", () => this.#open(states[0].id)));
    toast.append(button("Dismiss", () => toast.remove()));
    this.append(toast);
    while (this.children.length > MOST) this.firstElementChild.remove();
    this.#leaveLater(toast);
    this.dispatchEvent(new CustomEvent("told", { detail: states }));
  }

  #leaveLater(toast) {
    let timer = 0;
    const begin = () => {
      clearTimeout(timer);
      timer = setTimeout(() => (toast.matches(":hover, :focus-within") ? begin() : toast.remove()), STAYS);
    };
    for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
    for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, begin);
    begin();
  }

  #open(id) {
    this.dispatchEvent(new CustomEvent("open-job", { detail: id, bubbles: true }));
  }
}

/** Call `open(id)` when a person clicks a notification that leads here. Returns what ends that. */
function onOpen(open) {
  const hear = ({ data }) => data?.open && open(data.open);
  navigator.serviceWorker?.addEventListener("message", hear);
  return () => navigator.serviceWorker?.removeEventListener("message", hear);
}

function button(text, act) {
  const made = element("button", "", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function detail({ error, started_at, ended_at }) {
  if (error) return `${error.type}: ${error.message}`;
  return started_at === null ? "" : `in ${duration((ended_at - started_at) / 1000)}`;
}

/** 209 finished, 3 failed. */
function counted(states) {
  const counts = ENDED.map((status) => [states.filter((state) => state.status === status).length, status]);
  return counts.filter(([count]) => count > 0).map(([count, status]) => `${count.toLocaleString("en-US")} ${status}`).join(", ");
}
