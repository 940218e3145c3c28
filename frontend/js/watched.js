// One watch of a topic and whoever listens to it. Pure: no socket, no port, no DOM.

import { TopicStore } from "./store.js";

export class Watched {
  store = new TopicStore();
  listeners = new Set();
  error = null; // {code, message}: why it holds nothing
  answered = false; // before the first answer there is only a part to be seen; the answer has it all
  fresh = false; // whether what it holds was read since the connection was last lost

  constructor(topic, token) {
    this.topic = topic;
    this.token = token;
  }

  /** Call `listener` now, if there is something to show, and on every change. Returns what ends that. */
  listen(listener) {
    const hear = (view) => listener(view); // its own, should a listener be given twice
    this.listeners.add(hear);
    if (this.answered) this.#tellOne(hear, this.#view([...this.store.jobs.keys()], []));
    return () => this.listeners.delete(hear);
  }

  /** Take the answer {jobs, more} or {error}, which replaces what was held. */
  answer({ jobs, more = false, error = null }) {
    this.answered = true;
    this.error = error;
    this.fresh = error?.code !== "unavailable";
    // what could not be read is still what was last known; the state of the connection says how old it is
    const keeps = !this.fresh && jobs === undefined;
    const { changed, gone } = keeps ? { changed: [], gone: [] } : this.store.replace(jobs ?? [], more);
    this.#tell(changed, gone);
  }

  /** Take a snapshot that came by itself. */
  replace(jobs, more) {
    const { changed, gone } = this.store.replace(jobs, more);
    this.move(changed, gone);
  }

  /** Tell of jobs that the store has taken, or lost; of nothing, nothing. */
  move(changed, gone = []) {
    if (this.answered && (changed.length > 0 || gone.length > 0)) this.#tell(changed, gone);
  }

  #tell(changed, gone) {
    for (const listener of [...this.listeners]) this.#tellOne(listener, this.#view(changed, gone));
  }

  #tellOne(listener, view) {
    try {
      listener(view);
    } catch (error) {
      setTimeout(() => { throw error; }); // told to the page; the other listeners must hear all the same
    }
  }

  #view(changed, gone) {
    return { topic: this.topic, jobs: this.store.jobs, more: this.store.more, changed, gone, error: this.error };
  }
}
