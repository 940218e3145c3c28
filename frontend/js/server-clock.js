// The server's time. All times of jobs are by that clock, and this machine's may differ. Pure.

const KEPT = 10; // of what it said last; it says so every 2 s
const SET = 2000; // ms from what we took it for, from which on one of the clocks has been set

export class ServerClock {
  #heard = []; // ms that the server's clock was ahead of ours, at the least: a word takes its time

  /** The server has said that it is `at` (Unix time in ms). */
  hear(at, now = Date.now()) {
    if (!Number.isFinite(at)) return; // a server of an earlier release says nothing of it
    if (Math.abs(at - now - this.offset) > SET) this.#heard = [];
    this.#heard = [...this.#heard, at - now].slice(-KEPT);
  }

  /** ms that the server's clock is ahead of ours: as the word had it that was the quickest. */
  get offset() {
    return this.#heard.length === 0 ? 0 : Math.max(...this.#heard);
  }
}
