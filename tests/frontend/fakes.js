// What tests of the hub and of its ports hold in their hands: a socket, and listeners that remember.

import assert from "node:assert/strict";

/** What the hub uses of a Socket.IO client; the other side of it is in the hands of the test. */
export class FakeSocket {
  connected = false;
  tries = 0; // after the first, which io() makes
  sent = []; // [event, data, acknowledge]
  #handlers = new Map();

  on(event, handler) {
    assert.ok(!this.#handlers.has(event), `${event} is handled twice`);
    this.#handlers.set(event, handler);
  }

  emit(event, data, acknowledge) {
    assert.ok(this.connected, `${event} is sent while there is no connection`);
    this.sent.push([event, data, acknowledge]);
  }

  disconnect() {
    this.drop("io client disconnect");
  }

  /** The server says something. */
  receive(event, data) {
    this.#handlers.get(event)?.(data);
  }

  connect() {
    this.tries += 1;
  }

  /** The server is there. */
  open() {
    this.connected = true;
    this.receive("connect");
  }

  drop(reason = "transport close") {
    if (!this.connected) return;
    this.connected = false;
    this.receive("disconnect", reason);
  }

  /** The topics of each message `event` so far. */
  topicsOf(event) {
    return this.sent.filter(([name]) => name === event).map(([, data]) => data.topics);
  }

  /** Answer the newest `watch`. */
  acknowledge(ack) {
    this.sent.findLast(([event]) => event === "watch")[2](ack);
  }
}

/** A listener that keeps what it was told; the jobs as they were then. */
export function listener() {
  const told = [];
  const listen = (view) => told.push({ ...view, jobs: [...view.jobs.values()] });
  return Object.assign(listen, { told });
}

export const state = (id, version, status = "started") => ({ id, version, status });
export const snapshot = (topic, jobs, more = false) => ({ ok: true, topics: { [topic]: { jobs, more } } });
export const refusal = (topic, code) => ({ ok: true, topics: { [topic]: { error: { code, message: code } } } });

/** The end of this turn. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));
