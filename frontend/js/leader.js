// Where there is no SharedWorker: one tab holds the hub for all (Web Locks), and they talk over a BroadcastChannel.
//
// On the channel: {from, message} to whoever leads; {to, lead, message} to one tab, or to all where `to` is null. `lead` is
// new with each lead: who was relieved while it hung may still answer what it was asked, and is not to be heard.

import { Serving } from "./serving.js";

export class Leader {
  #name;
  #load;
  #locks;
  #channel = null;
  #lead = null;
  #serving = null;
  #hub = null;
  #resign = null; // ends our lead
  #waiting = null; // ends our wait for it

  /** `load()` resolves to a hub; `name` is that of the lock and of the channel. */
  constructor(name, load, locks = navigator.locks) {
    this.#name = name;
    this.#load = load;
    this.#locks = locks;
  }

  /** Lead as soon as nobody else does; with `steal` at once, since who leads does not answer. */
  stand({ steal = false } = {}) {
    if (this.#resign !== null || (this.#waiting !== null && !steal)) return;
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    const how = steal ? { steal: true } : { signal: waiting.signal };
    this.#locks
      .request(this.#name, how, () => this.#begin(waiting))
      .catch((error) => {
        if (this.#waiting !== waiting) return; // given up
        this.leave();
        if (error.name === "AbortError") this.stand(); // another tab has taken it from us: we are next in line
      });
  }

  /** Let another tab lead. */
  leave() {
    this.#waiting?.abort();
    this.#waiting = null;
    this.#stop();
  }

  async #begin(waiting) {
    if (this.#waiting !== waiting) return;
    const over = new Promise((resolve) => (this.#resign = resolve));
    const hub = await this.#load();
    if (this.#waiting !== waiting || this.#resign === null) return hub.close();
    this.#lead = crypto.randomUUID();
    this.#hub = hub;
    this.#serving = new Serving(hub);
    this.#channel = new BroadcastChannel(this.#name);
    const ports = new Map(); // id of a tab → its port
    this.#channel.onmessage = ({ data: { from, message } }) => {
      if (from === undefined) return;
      if (!ports.has(from)) ports.set(from, this.#portTo(from));
      ports.get(from).onmessage({ data: message });
      if (message.bye) ports.delete(from);
    };
    this.#post(null, { again: true });
    await over;
  }

  #portTo(tab) {
    const port = { postMessage: (message) => this.#post(tab, message) };
    this.#serving.serve(port);
    return port;
  }

  #post(to, message) {
    this.#channel?.postMessage({ to, lead: this.#lead, message });
  }

  #stop() {
    this.#serving?.close();
    this.#hub?.close();
    this.#channel?.close();
    this.#resign?.();
    this.#serving = this.#hub = this.#channel = this.#resign = null;
  }
}

/** A tab's port {post, close} to whoever leads. */
export function portOver(name, hear) {
  const channel = new BroadcastChannel(name);
  const tab = crypto.randomUUID();
  let leads = null; // who has begun to lead while we listened
  channel.onmessage = ({ data: { to, lead, message } }) => {
    if (to === null) leads = lead;
    if (to === null || (to === tab && (leads ?? lead) === lead)) hear(message);
  };
  return {
    post: (message) => channel.postMessage({ from: tab, message }),
    close: () => channel.close(),
  };
}
