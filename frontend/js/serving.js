// The hub's side of the ports: lends one hub to many tabs. Knows no socket and no DOM.
//
// From a tab: {join: [[topic, token]], hears} (all it wants, at first and whenever it may have been forgotten),
// {watch: [[topic, token]]}, {unwatch: [[topic, token]]}, {hear: true}, {seen: [[id, attempt]]}, {beat: true}, {wake: true}, {bye: true}.
// To a tab: {state, as_of} at each change and each beat, {topic, token, jobs, gone, more, data, error, whole}, {ended: [state]}, {again: true}
// (who are you? say all you want); the first three with `offset`, by which the server's clock is ahead (ms), and `scheduler`.

const FORGOTTEN = 180_000; // ms of silence after which a tab is taken for dead; browsers let a hidden one speak once a minute

const keyOf = (topic, token) => JSON.stringify([topic, token]);

export class Serving {
  #hub;
  #tabs = new Map(); // port → {watches: key → stop, heardAt, deafen}

  constructor(hub) {
    this.#hub = hub;
    hub.addEventListener("change", () => {
      for (const port of this.#tabs.keys()) this.#sayState(port);
    });
  }

  /** Serve whoever is at the other side of `port` (as a MessagePort), until it says goodbye, is silent or closes. */
  serve(port) {
    port.onmessage = ({ data }) => this.#take(port, data);
    port.onclose = () => this.#forget(port); // where the browser says so
  }

  /** Forget all tabs. */
  close() {
    for (const port of [...this.#tabs.keys()]) this.#forget(port);
  }

  #take(port, message) {
    if (message.bye) return this.#forget(port);
    if (message.join) this.#join(port, message);
    const tab = this.#tabs.get(port);
    if (tab === undefined) return port.postMessage({ again: true });
    tab.heardAt = Date.now();
    for (const [topic, token] of message.watch ?? []) this.#watch(port, tab, topic, token);
    for (const [topic, token] of message.unwatch ?? []) this.#unwatch(tab, keyOf(topic, token));
    if (message.hear) this.#hear(port, tab);
    if (message.seen) this.#hub.seen(message.seen);
    if (message.wake) this.#hub.wake();
    if (message.beat) this.#hub.look();
    if (message.beat || message.wake || message.join) this.#sayState(port);
    if (message.beat) this.#lookForTheDead();
  }

  /** A tab that comes, or comes back: it gets everything it watches as a whole. */
  #join(port, { join, hears }) {
    const before = this.#tabs.get(port);
    const tab = { watches: new Map(), heardAt: Date.now(), deafen: null };
    this.#tabs.set(port, tab);
    for (const [topic, token] of join) this.#watch(port, tab, topic, token);
    if (hears) this.#hear(port, tab);
    if (before !== undefined) this.#release(before); // after its watches are held anew, so that none lapses in between
  }

  #watch(port, tab, topic, token) {
    const key = keyOf(topic, token);
    if (tab.watches.has(key)) return;
    let whole = true;
    tab.watches.set(key, null); // the hub may answer at once
    const stop = this.#hub.watch(
      topic,
      ({ jobs, changed, gone, more, data, error }) => {
        if (this.#isDead(tab)) return this.#forget(port); // frozen: what it is sent would pile up
        const states = whole ? [...jobs.values()] : changed.map((id) => jobs.get(id));
        port.postMessage({ topic, token, jobs: states, gone, more, data, error, whole, ...this.#news });
        whole = error !== null; // what comes after an error is not told by what has changed
      },
      token,
    );
    tab.watches.set(key, stop);
  }

  #unwatch(tab, key) {
    tab.watches.get(key)?.();
    tab.watches.delete(key);
  }

  #hear(port, tab) {
    tab.deafen?.(); // what it asks for anew it may not have been told
    tab.deafen = this.#hub.hear(({ jobs }) => port.postMessage({ ended: jobs, ...this.#news }));
  }

  get #news() {
    return { offset: this.#hub.offset, scheduler: this.#hub.scheduler };
  }

  #sayState(port) {
    port.postMessage({ state: this.#hub.state, as_of: this.#hub.asOf, ...this.#news });
  }

  #lookForTheDead() {
    for (const [port, tab] of [...this.#tabs]) if (this.#isDead(tab)) this.#forget(port);
  }

  #isDead({ heardAt }) {
    return Date.now() - heardAt > FORGOTTEN;
  }

  #forget(port) {
    const tab = this.#tabs.get(port);
    this.#tabs.delete(port);
    if (tab !== undefined) this.#release(tab);
  }

  #release(tab) {
    for (const stop of tab.watches.values()) stop();
    tab.deafen?.();
  }
}
