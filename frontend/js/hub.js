// One socket, many watches. Knows no DOM; `io` and the clock are given to it.

import { Ends } from "./ends.js";
import { Lateness } from "./lateness.js";
import { TopicStore } from "./store.js";

const SILENCE = 4000; // ms without a word from the server (it beats every 2 s) after which all may be stale, and we come anew
const LOOK = 500; // ms between two looks at the clock
const TOPICS_A_MESSAGE = 1000; // the server takes 1,024
const FIRST_RETRY = 1000; // ms within which a lost connection is tried again, the moment drawn at random (full jitter)
const LONGEST_RETRY = 4000; // ms; a page is to show the truth 5 s after the server is back
const PATIENCE = 4; // a retry waits for up to this part of the time that the server has been away

export class Hub extends EventTarget {
  /** `connecting`, `live`, `stale` (the server is there, but deaf) or `offline`. */
  state = "connecting";
  /** When what is shown was last known to be true: Unix time in ms. */
  asOf = Date.now();
  #io;
  #url;
  #socket = null;
  #topics = new Map(); // name → {store, listeners, error}
  #heardAt = 0;
  #triedAt = 0; // when we last set out to connect
  #lostAt = 0; // when the server was last there; 0: it is
  #relay = "stale";
  #lateness = new Lateness(); // of the frames of this connection
  #timer = null;
  #retry = null;
  #asleep = false;
  #connecting = false;
  #ends;
  #random;
  #token;

  /**
   * `claim(keys)` resolves to those ends ("id attempt") that no tab of this browser has told yet, and marks them told.
   * `token` is the right to watch what this browser's session may not.
   */
  constructor(io, { url, claim, token = null, random = Math.random } = {}) {
    super();
    this.#io = io;
    this.#url = url;
    this.#ends = new Ends(claim, (ids) => this.#socket?.emit("seen", { ids }));
    this.#token = token;
    this.#random = random;
  }

  /** Use `token` from now on: what is watched goes on without a gap, and what was refused is asked for again. */
  setToken(token) {
    this.#token = token;
    if (this.#socket?.connected) this.#ask([...this.#topics.keys()]);
  }

  /** Call `listener(state)` once for each end of this browser's jobs, whichever tab tells it. Returns what ends that. */
  onEnd(listener) {
    this.#start();
    return this.#ends.listen(listener);
  }

  /**
   * Call `listener({topic, jobs, more, changed, gone, error})` now and on every change: `jobs` is a Map of id → state,
   * `changed` and `gone` are ids, `error` is null or {code, message}. Returns the function that ends the watch.
   */
  watch(topic, listener) {
    this.#start();
    let entry = this.#topics.get(topic);
    if (entry === undefined) {
      entry = { store: new TopicStore(), listeners: new Set(), error: null, answered: false, fresh: false };
      this.#topics.set(topic, entry);
      if (this.#socket.connected) this.#ask([topic]);
    } else if (entry.answered) {
      listener(this.#view(topic, entry, [...entry.store.jobs.keys()], []));
    }
    entry.listeners.add(listener);
    return () => this.#unwatch(topic, entry, listener);
  }

  /** Let the connection go, and keep what is held: the page is put aside. */
  sleep() {
    this.#asleep = true;
    this.#clearRetry();
    this.#socket?.disconnect();
  }

  /** Be connected now rather than soon: the page is back, or the network is. */
  wake() {
    const rested = this.#asleep;
    this.#asleep = false;
    if (this.#socket !== null && (rested || this.#retry !== null || this.#isDead())) this.#connect();
  }

  /** Close the socket and forget all watches. */
  close() {
    clearInterval(this.#timer);
    this.#clearRetry();
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
    this.#topics.clear();
    this.#settle();
  }

  #start() {
    if (this.#socket !== null) return;
    this.#asleep = false;
    this.#triedAt = this.#lostAt = Date.now();
    this.#socket = this.#io(this.#url, { transports: ["websocket"], reconnection: false });
    this.#socket.on("connect", () => {
      this.#lostAt = 0;
      this.#lateness = new Lateness();
      this.#ends.forget();
      this.#clearRetry();
      this.#heard();
      this.#ask([...this.#topics.keys()]);
    });
    this.#socket.on("disconnect", () => {
      this.#relay = "stale"; // the next process we reach has to say for itself that it is live
      for (const entry of this.#topics.values()) entry.fresh = false;
      this.#lose();
    });
    this.#socket.on("connect_error", () => this.#lose());
    this.#socket.on("relay", ({ state, retry_in: retryIn }) => {
      if (state === "draining") this.#leave(retryIn ?? 0);
      else this.#relay = state;
      this.#lateness.beat();
      this.#heard();
      if (state === "live") this.#ask(this.#unavailable());
    });
    this.#socket.on("ended", (message) => {
      this.#heard();
      this.#ends.tell(message);
    });
    this.#socket.on("jobs", (frame) => this.#take(frame));
    this.#socket.on("gone", ({ topic, jobs }) => {
      this.#heard();
      const entry = this.#topics.get(topic);
      if (entry) this.#tell(topic, entry, [], entry.store.bury(jobs));
    });
    this.#socket.on("refused", ({ topic, error }) => this.#answer([topic], { ok: false, error }));
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  // -- coming back

  /** Every LOOK: a connection that says nothing is none, however open it looks, and neither is one that never comes. */
  #look() {
    if (this.#retry === null && !this.#asleep && this.#isDead()) this.#connect();
    this.#settle();
  }

  /** The connection is gone, or was refused: try again, later the longer it has been away. */
  #lose() {
    this.#settle();
    if (this.#asleep || this.#connecting || this.#socket === null) return;
    this.#lostAt ||= Date.now();
    this.#clearRetry(); // a server that drains may be gone before it said
    const away = (Date.now() - this.#lostAt) / PATIENCE;
    this.#connectIn(this.#random() * Math.min(LONGEST_RETRY, Math.max(FIRST_RETRY, away)));
  }

  /** The server goes: come back, to the next one, when it says. What we show stays live until then, if it is live. */
  #leave(retryIn) {
    this.#connectIn(this.state === "live" ? retryIn : this.#random() * Math.min(retryIn, FIRST_RETRY));
  }

  #connectIn(delay) {
    this.#retry ??= setTimeout(() => this.#connect(), delay);
  }

  #connect() {
    this.#clearRetry();
    this.#triedAt = Date.now();
    this.#connecting = true; // the end of the old one is no reason to try again
    this.#socket.disconnect();
    this.#connecting = false;
    this.#socket.connect();
  }

  #clearRetry() {
    clearTimeout(this.#retry);
    this.#retry = null;
  }

  /** Whether something is shown that has not been read since the connection was lost. */
  #isOld() {
    return [...this.#topics.values()].some(({ answered, fresh }) => answered && !fresh);
  }

  #isDead() {
    const tried = Date.now() - this.#triedAt;
    return this.#isSilent() && (tried > SILENCE || tried < 0);
  }

  #isSilent() {
    const quiet = Date.now() - this.#heardAt;
    return quiet > SILENCE || quiet < 0; // or the clock was set back, and nobody knows
  }

  // -- what comes

  #take({ topic, jobs, snapshot, more }) {
    if (!snapshot && jobs.length > 0) this.#lateness.frame(jobs);
    this.#heard();
    const entry = this.#topics.get(topic);
    if (!entry) return; // unwatched while the frame was under way
    if (snapshot) {
      const { changed, gone } = entry.store.replace(jobs, more);
      this.#tell(topic, entry, changed, gone);
    } else {
      this.#tell(topic, entry, entry.store.apply(jobs), []);
    }
  }

  /** The topics the server could not read when they were asked for, and so did not join; each beat asks again. */
  #unavailable() {
    return [...this.#topics.keys()].filter((topic) => this.#topics.get(topic).error?.code === "unavailable");
  }

  #ask(topics) {
    for (let start = 0; start < topics.length; start += TOPICS_A_MESSAGE) {
      const part = topics.slice(start, start + TOPICS_A_MESSAGE);
      const message = this.#token === null ? { topics: part } : { topics: part, token: this.#token };
      this.#socket.emit("watch", message, (ack) => this.#answer(part, ack));
    }
  }

  #answer(asked, ack) {
    for (const topic of asked) {
      const entry = this.#topics.get(topic);
      if (!entry) continue;
      const part = ack.ok ? ack.topics[topic] : { error: ack.error };
      entry.answered = true;
      entry.error = part.error ?? null;
      // what could not be read is still what was last known; the state of the connection says how old it is
      const known = part.error?.code === "unavailable";
      entry.fresh = !known;
      const { changed, gone } = known ? { changed: [], gone: [] } : entry.store.replace(part.jobs ?? [], part.more ?? false);
      this.#tell(topic, entry, changed, gone, true);
    }
    this.#heard();
  }

  #tell(topic, entry, changed, gone, always = false) {
    // before the first answer there is only a part to be seen; the answer has it all
    if (!entry.answered || (!always && changed.length === 0 && gone.length === 0)) return;
    for (const listener of [...entry.listeners]) listener(this.#view(topic, entry, changed, gone));
  }

  #view(topic, { store, error }, changed, gone) {
    return { topic, jobs: store.jobs, more: store.more, changed, gone, error };
  }

  #unwatch(topic, entry, listener) {
    entry.listeners.delete(listener);
    if (entry.listeners.size > 0 || this.#topics.get(topic) !== entry) return;
    this.#topics.delete(topic);
    if (this.#socket?.connected) this.#socket.emit("unwatch", { topics: [topic] });
  }

  #heard() {
    this.#heardAt = Date.now();
    this.#settle();
  }

  #settle() {
    const connected = this.#socket?.connected ?? false;
    let state = "offline";
    const doubtful = this.#relay !== "live" || this.#isSilent() || this.#isOld() || this.#lateness.isLate;
    if (connected) state = doubtful ? "stale" : "live";
    else if (this.#heardAt === 0) state = "connecting";
    if (state === "live") this.asOf = this.#heardAt;
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
