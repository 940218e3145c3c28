// One watch of a topic and whoever listens to it. Pure: no socket, no port, no DOM.

import { TopicStore } from "./store.js";

export class Watched {
  store = new TopicStore();
  data = null; // what topics hold that are not of jobs: {stats, workers, history}, the schedule, or {lines, last} of a log
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

  /** Take the answer {jobs, more}, {lines, last} or {error}, which replaces what was held. */
  answer({ jobs, more = false, lines, last, error = null, data }) {
    this.answered = true;
    this.error = error;
    this.fresh = error?.code !== "unavailable";
    // what could not be read is still what was last known; the state of the connection says how old it is
    const keeps = !this.fresh && jobs === undefined;
    const { changed, gone } = keeps ? { changed: [], gone: [] } : this.store.replace(jobs ?? [], more);
    if (lines !== undefined) this.data = { lines, last };
    else if (data !== undefined) this.data = data;
    else if (error !== null && this.fresh) this.data = null;
    this.#tell(changed, gone);
  }

  /** Take newer `data`, of a topic that is not of jobs. */
  update(data) {
    this.data = data;
    if (this.answered) this.#tell([], []);
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
    const { topic, data, error, store } = this;
    return { topic, jobs: store.jobs, more: store.more, changed, gone, data, error };
  }
}
