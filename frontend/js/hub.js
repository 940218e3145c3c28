// One socket, many watches. Knows no DOM; `io` and the clock are given to it.

import { Lateness } from "./lateness.js";
import { Link } from "./link.js";
import { ServerClock } from "./server-clock.js";
import { Watches } from "./watches.js";

const TOPICS_A_MESSAGE = 1000; // the server takes 1,024
const LINGER = 5000; // ms for which a topic that nobody watches any more is still held: a page may be on its way to the next
const MOST_LINGERING = 200; // topics; who scrolls through thousands of rows is not to come to the server's limit
const LINES = 1000; // of a log that are held, as many as the server keeps
const UNSEEN = 1000; // ends; as many as the server keeps, which tells them again to the next connection

export class Hub extends EventTarget {
  /** `connecting`, `live`, `stale` (the server is there, but deaf) or `offline`. */
  state = "connecting";
  /** When what is shown was last known to be true: Unix time in ms. */
  asOf = Date.now();
  /** Whether a scheduler is up: without one retries and scheduled jobs wait. null: not known. */
  scheduler = null;
  #link;
  #watches = new Watches();
  #due = new Set(); // watches to be asked for at the end of this turn
  #lingering = new Map(); // Watched → timer, the longest unwatched first
  #hearers = new Set();
  #unseen = new Map(); // "id attempt" → state: ends that nobody has reported as seen; whoever was told may have left
  #relay = "stale";
  #hasRoom = false; // whether a topic was let go of, so that one too many may be watched now
  #lateness = new Lateness(); // of the frames of this connection
  #clock = new ServerClock();

  constructor(io, { url, random = Math.random } = {}) {
    super();
    this.#link = new Link(io, { url, random, settle: () => this.#settle() });
  }

  /**
   * Call `listener({topic, jobs, more, changed, gone, data, error})` now and on every change: `jobs` is a Map of id → state,
   * `changed` and `gone` are ids, `error` is null or {code, message}; `data` is null but for `stats` ({stats, workers, history}),
   * `schedule` and `log:<id>` ({lines, last}). `token` is the right to watch what this browser's
   * session may not. Returns the function that ends the watch.
   */
  watch(topic, listener, token = null) {
    this.#start();
    const known = this.#watches.get(topic, token);
    const watched = this.#watches.open(topic, token);
    if (known === undefined) this.#askSoon(watched);
    clearTimeout(this.#lingering.get(watched));
    this.#lingering.delete(watched);
    const stop = watched.listen(listener);
    return () => stop() && this.#rest(watched);
  }

  /** Call `listener({jobs: [state]})` now with the ends of this browser's jobs that nobody has seen, and with all that come. Returns what ends that. */
  hear(listener) {
    this.#start();
    this.#hearers.add(listener);
    if (this.#unseen.size > 0) listener({ jobs: [...this.#unseen.values()] });
    return () => this.#hearers.delete(listener);
  }

  /** Report ends [[id, attempt]] as told. */
  seen(ids) {
    for (const [id, attempt] of ids) this.#unseen.delete(`${id} ${attempt}`);
    this.#link.emit("seen", { ids });
  }

  /** ms that the server's clock is ahead of this machine's. */
  get offset() {
    return this.#clock.offset;
  }

  /** Be connected now rather than soon: the page is back, or the network is. */
  wake() {
    this.#link.wake();
  }

  /** Do what is due, and see how fresh all this is: who holds the hub may be hidden, and its timers slow. */
  look() {
    this.#link.look();
  }

  /** Close the socket and forget all watches. */
  close() {
    this.#link.close();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#lingering.clear();
    this.#watches.clear();
    this.#settle();
  }

  #start() {
    if (this.#link.started) return;
    this.#link.start({
      connect: () => {
        this.#lateness = new Lateness();
        this.#unseen.clear(); // this connection tells again what was not seen
        this.#ask(this.#watches.all());
      },
      disconnect: () => {
        this.#relay = "stale"; // the next process we reach has to say for itself that it is live
        for (const watched of this.#watches.all()) watched.fresh = false;
      },
      relay: (message) => this.#beat(message),
      ended: (message) => this.#tellEnds(message),
      jobs: (frame) => this.#take(frame),
      gone: ({ topic, jobs }) => {
        for (const watched of this.#granted(topic)) watched.move([], watched.store.bury(jobs));
      },
      refused: ({ topic, error }) => this.#refuse(topic, error),
      stats: (stats) => this.#update("stats", (data) => ({ ...data, stats })),
      workers: (workers) => this.#update("stats", (data) => ({ ...data, workers })),
      history: ({ spans }) =>
        this.#update("stats", (data) => ({ ...data, history: { spans: { ...data?.history?.spans, ...spans } } })),
      schedule: (schedule) => this.#update("schedule", () => schedule),
      log: (frame) => this.#takeLines(frame),
    });
  }

  // -- what comes

  #beat({ state, at, scheduler, retry_in: retryIn }) {
    this.#clock.hear(at);
    this.scheduler = scheduler ?? null;
    if (state === "draining") this.#link.leave(retryIn ?? 0, this.state === "live");
    else this.#relay = state;
    this.#lateness.beat();
    // what the server could not read when it was asked for, and so did not join
    const again = this.#hasRoom ? ["unavailable", "too_many"] : ["unavailable"];
    if (state !== "live") return;
    this.#hasRoom = false;
    this.#ask(this.#watches.all().filter(({ error }) => again.includes(error?.code)));
  }

  #take({ topic, jobs, snapshot, more }) {
    if (!snapshot && jobs.length > 0) this.#lateness.frame(jobs);
    for (const watched of this.#granted(topic)) {
      if (snapshot) watched.replace(jobs, more);
      else watched.move(watched.store.apply(jobs));
    }
  }

  #update(topic, change) {
    for (const watched of this.#granted(topic)) watched.update(change(watched.data));
  }

  #takeLines({ topic, lines, after, last, snapshot }) {
    for (const watched of this.#granted(topic)) {
      if (watched.data === null) continue; // the answer, which has it all, is under way
      if (snapshot) watched.update({ lines, last });
      else if (after > watched.data.last) this.#ask([watched]); // a frame was missed
      else {
        const fresh = lines.filter(({ n }) => n > watched.data.last);
        watched.update({ lines: [...watched.data.lines, ...fresh].slice(-LINES), last: Math.max(last, watched.data.last) });
      }
    }
  }

  /** The watches of a topic that may see it, or are about to be told whether they may. */
  #granted(topic) {
    return this.#watches.of(topic).filter(({ error }) => error === null || error.code === "unavailable");
  }

  #refuse(topic, error) {
    const all = this.#watches.of(topic);
    if (all.length > 1) this.#ask(all); // the right of one has ended; the server says of whom
    else for (const watched of all) watched.answer({ error });
  }

  #tellEnds(message) {
    for (const state of message.jobs) this.#unseen.set(`${state.id} ${state.attempt}`, state);
    for (const key of [...this.#unseen.keys()].slice(0, -UNSEEN)) this.#unseen.delete(key);
    for (const listener of [...this.#hearers]) listener(message);
  }

  // -- asking

  /** With all others of this turn, in one message. */
  #askSoon(watched) {
    if (this.#due.size === 0) queueMicrotask(() => this.#askDue());
    this.#due.add(watched);
  }

  #askDue() {
    const due = [...this.#due].filter((watched) => this.#watches.has(watched));
    this.#due.clear();
    this.#ask(due);
  }

  #ask(watches) {
    if (!this.#link.connected) return; // all of them are asked for when it is
    for (const token of new Set(watches.map((watched) => watched.token))) {
      const mine = watches.filter((watched) => watched.token === token);
      for (let start = 0; start < mine.length; start += TOPICS_A_MESSAGE) {
        this.#askPart(mine.slice(start, start + TOPICS_A_MESSAGE), token);
      }
    }
  }

  #askPart(part, token) {
    for (const watched of part) this.#due.delete(watched);
    const topics = part.map(({ topic }) => topic);
    this.#link.emit("watch", token === null ? { topics } : { topics, token }, (ack) => {
      for (const watched of part) {
        if (this.#watches.has(watched)) watched.answer(ack.ok ? ack.topics[watched.topic] : { error: ack.error });
      }
    });
  }

  // -- ending

  /** Nobody listens: let it linger, or go at once where it holds nothing. */
  #rest(watched) {
    if (watched.listeners.size > 0 || !this.#watches.has(watched)) return;
    if (watched.error !== null) return this.#drop(watched);
    this.#lingering.set(watched, setTimeout(() => this.#drop(watched), LINGER));
    if (this.#lingering.size > MOST_LINGERING) this.#drop(this.#lingering.keys().next().value);
  }

  #drop(watched) {
    clearTimeout(this.#lingering.get(watched));
    this.#lingering.delete(watched);
    if (!this.#watches.drop(watched)) return;
    this.#link.emit("unwatch", { topics: [watched.topic] });
    this.#hasRoom = true;
  }

  #settle() {
    let state = "offline";
    const doubtful = this.#relay !== "live" || this.#link.isSilent || this.#watches.isOld || this.#lateness.isLate;
    if (this.#link.connected) state = doubtful ? "stale" : "live";
    else if (this.#link.heardAt === 0) state = "connecting";
    if (state === "live") this.asOf = this.#link.heardAt;
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
