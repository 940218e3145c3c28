// The newest state of each job of one topic. Pure: no socket, no DOM.

import { isNewer } from "./wire.js";

const BURIED = 10_000; // tombstones; a late state comes within minutes, and a list may be watched for weeks

export class TopicStore {
  jobs = new Map();
  more = false;
  #buried = new Map(); // id → version of its tombstone: a late state must not bring a deleted job back

  /** Take states; returns the ids of those that were news. */
  apply(states) {
    const changed = [];
    for (const state of states) {
      if (!isNewer(state, this.jobs.get(state.id)) || state.version <= (this.#buried.get(state.id) ?? 0)) continue;
      this.jobs.set(state.id, state);
      changed.push(state.id);
    }
    return changed;
  }

  /** Take a snapshot, which replaces what was held; returns {changed, gone}. */
  replace(states, more) {
    const present = new Set(states.map((state) => state.id));
    const gone = [...this.jobs.keys()].filter((id) => !present.has(id));
    for (const id of gone) this.jobs.delete(id);
    this.more = more;
    return { changed: this.apply(states), gone };
  }

  /** Forget jobs that another store has lost. */
  drop(ids) {
    for (const id of ids) this.jobs.delete(id);
  }

  /** Take tombstones [{id, version}]; returns the ids that were held. */
  bury(tombstones) {
    const gone = [];
    for (const { id, version } of tombstones) {
      this.#buried.set(id, Math.max(version, this.#buried.get(id) ?? 0));
      if (this.jobs.has(id) && this.jobs.get(id).version <= version) {
        this.jobs.delete(id);
        gone.push(id);
      }
    }
    while (this.#buried.size > BURIED) this.#buried.delete(this.#buried.keys().next().value);
    return gone;
  }
}
