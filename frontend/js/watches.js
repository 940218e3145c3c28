// All watches of one hub, by topic and token: tabs of one browser may hold different tokens. Pure.

import { Watched } from "./watched.js";

export class Watches {
  #topics = new Map(); // topic → Map of token → Watched

  get(topic, token) {
    return this.#topics.get(topic)?.get(token);
  }

  /** The watch of `topic` by `token`, made where there is none. */
  open(topic, token) {
    const found = this.get(topic, token);
    if (found !== undefined) return found;
    const made = new Watched(topic, token);
    if (!this.#topics.has(topic)) this.#topics.set(topic, new Map());
    this.#topics.get(topic).set(token, made);
    return made;
  }

  /** Forget `watched`; returns whether it was the last of its topic. */
  drop({ topic, token }) {
    const others = this.#topics.get(topic);
    others?.delete(token);
    if (others?.size > 0) return false;
    return this.#topics.delete(topic);
  }

  has(watched) {
    return this.get(watched.topic, watched.token) === watched;
  }

  /** Those of a topic. */
  of(topic) {
    return [...(this.#topics.get(topic)?.values() ?? [])];
  }

  all() {
    return [...this.#topics.values()].flatMap((byToken) => [...byToken.values()]);
  }

  clear() {
    this.#topics.clear();
  }

  /** Whether something is shown that has not been read since the connection was lost. Asked at every frame. */
  get isOld() {
    for (const byToken of this.#topics.values()) {
      for (const { answered, fresh } of byToken.values()) if (answered && !fresh) return true;
    }
    return false;
  }
}
