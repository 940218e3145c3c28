// A tab's side of its port to the hub: the same watches and ends as a hub of its own would give. Knows no socket, no DOM.

import { Pause } from "./pause.js";
import { Watches } from "./watches.js";

const BEAT = 2000; // ms between two words to the hub, which it answers
const LOOK = 500; // ms between two looks at the clock
const TRIES = 5; // ports taken, of a way that has led to a hub before, until the next way is
const PATIENCE = 10_000; // ms for the first answer: the hub has scripts to load
const ANSWER = 3000; // ms without one after which the hub is taken for dead: browsers end workers without a word
const SILENCE = 4000; // ms without a word from the hub after which what is shown may be stale

export class RemoteHub extends EventTarget {
  /**
   * `connecting`, `live`, `stale` or `offline`: that of the hub; `stale` too while the hub itself is silent; `blocked` where the server
   * answers and no socket comes through: then what is watched is read over HTTP.
   */
  state = "connecting";
  /** When what is shown was last known to be true: Unix time in ms, by the server's clock. */
  asOf = Date.now();
  /** ms that the server's clock, of which all times of jobs are, is ahead of this machine's. */
  offset = 0;
  /** Whether a scheduler is up: without one retries and scheduled jobs wait. null: not known. Event "change". */
  scheduler = null;
  #ways;
  #port = null; // {post(message), close()}
  #worked = false; // whether a hub has ever answered on this way
  #lost = 0; // ports taken one after the other since a hub fell silent
  #watches = new Watches();
  #hearers = new Set();
  #pause = new Pause();
  #said = "connecting"; // the hub's state
  #isShowing = false; // whether anything was ever live
  #heardAt = 0;
  #beatAt = 0;
  #askedAt = 0; // of the oldest beat without an answer
  #timer = null;
  #fallback = null; // once it is loaded
  #loadFallback;
  #wanted = []; // watches to be asked for at the end of this turn

  /**
   * `ways` lead to a hub, the best first: each is called with `hear(message)`, `fail()`, and how many ports
   * were taken since a hub has fallen silent (0: none has). It returns the port {post(message), close()}, or throws where the browser has no such way.
   * `loadFallback()` resolves to what reads over HTTP.
   */
  constructor(ways, loadFallback = null) {
    super();
    this.#ways = [...ways];
    this.#loadFallback = loadFallback;
  }

  /** As Hub.watch. */
  watch(topic, listener, token = null) {
    this.#start();
    if (this.#watches.get(topic, token) === undefined) this.#want([topic, token]);
    const watched = this.#watches.open(topic, token);
    const gate = this.#pause.gate(listener);
    const stop = watched.listen(gate);
    return () => {
      this.#pause.drop(gate);
      if (!stop() || watched.listeners.size > 0 || !this.#watches.has(watched)) return;
      this.#watches.drop(watched);
      this.#post({ unwatch: [[topic, token]] });
    };
  }

  /** As Hub.hear. */
  hear(listener) {
    this.#start();
    this.#hearers.add(listener);
    this.#post({ hear: true });
    return () => this.#hearers.delete(listener);
  }

  /** Unix time in ms by the server's clock. */
  now() {
    return Date.now() + this.offset;
  }

  seen(ids) {
    this.#post({ seen: ids });
  }

  /** Whether the page is paused: what it watches changes nothing on it until it is resumed. Ends are told all the same. */
  get paused() {
    return this.#pause.isOn;
  }

  set paused(isOn) {
    this.#pause.turn(isOn);
    this.dispatchEvent(new Event("change"));
  }

  /** Say goodbye, and keep what is held: the page is put aside. */
  sleep() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#post({ bye: true });
    this.#port?.close();
    this.#port = null;
  }

  /** The page is back, or the network is: have the hub look now rather than soon. */
  wake() {
    if (this.#timer === null && (this.#watches.all().length > 0 || this.#hearers.size > 0)) this.#start();
    this.#askedAt ||= Date.now();
    this.#post({ wake: true });
    this.#settle();
  }

  /** Forget everything. */
  close() {
    this.sleep();
    this.#watches.clear();
    this.#hearers.clear();
  }

  #start() {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#look(), LOOK);
    this.#open();
  }

  /** Take a port, and say all that is wanted; on the next way where this one leads nowhere. */
  #open(isLost = false) {
    this.#post({ bye: true });
    this.#port?.close();
    this.#lost = isLost ? this.#lost + 1 : 0;
    let port = null;
    while (port === null) {
      const [way] = this.#ways;
      const isCurrent = () => this.#port === port;
      try {
        port = way((message) => isCurrent() && this.#take(message), () => isCurrent() && this.#giveUp(), this.#lost);
      } catch (error) {
        if (this.#ways.length === 1) throw error;
        this.#ways.shift();
      }
    }
    this.#port = port;
    this.#askedAt = this.#beatAt = Date.now();
    this.#join();
    this.#settle();
  }

  /** This way leads to no hub: take the next one; the last is tried again when its time is up. */
  #giveUp() {
    if (this.#ways.length === 1) return;
    this.#ways.shift();
    this.#worked = false;
    this.#open();
  }

  #join() {
    this.#wanted = [];
    for (const watched of this.#watches.all()) watched.fresh = false;
    const join = this.#watches.all().map(({ topic, token }) => [topic, token]);
    this.#post({ join, hears: this.#hearers.size > 0 });
  }

  /** Ask for a watch, with all others of this turn. */
  #want(watch) {
    if (this.#wanted.length === 0) queueMicrotask(() => this.#askForWanted());
    this.#wanted.push(watch);
  }

  #askForWanted() {
    const watch = this.#wanted.filter(([topic, token]) => this.#watches.get(topic, token) !== undefined);
    this.#wanted = [];
    if (watch.length > 0) this.#post({ watch });
  }

  #post(message) {
    this.#port?.post(message);
  }

  #take(message) {
    this.#heardAt = Date.now();
    this.#askedAt = 0;
    this.#worked = true;
    this.#lost = 0;
    if (message.again) return this.#join();
    this.offset = message.offset ?? this.offset;
    this.#noteScheduler(message.scheduler);
    if (message.topic !== undefined) this.#apply(message);
    if (message.ended) for (const listener of [...this.#hearers]) listener({ jobs: message.ended });
    if (message.state) {
      this.#said = message.state;
      if (message.state === "live") this.asOf = message.as_of + this.offset;
    }
    this.#settle();
  }

  #apply({ topic, token, jobs, gone, more, data, error, whole }) {
    const watched = this.#watches.get(topic, token);
    if (watched === undefined) return; // unwatched while it was under way
    const isBlank = error?.code === "unavailable" && jobs.length === 0; // a new hub, that could read nothing yet
    if (whole && !isBlank) return watched.answer({ jobs, more, data, error });
    if (error !== null) return watched.answer({ error });
    if (data !== null) return watched.update(data);
    watched.store.drop(gone);
    watched.store.more = more;
    watched.move(watched.store.apply(jobs), gone);
  }

  #look() {
    this.#mindFallback();
    const now = Date.now();
    const patience = this.#worked ? ANSWER : PATIENCE;
    // it was asked again and again, so it was not we who slept
    const isDead = this.#askedAt > 0 && now - this.#askedAt > patience && now - this.#beatAt <= BEAT + LOOK;
    // a worker that is being ended may still be found under its name, and never answer
    if (isDead && ((this.#worked && this.#lost < TRIES) || this.#ways.length === 1)) return this.#open(true);
    if (isDead) return this.#giveUp();
    if (now - this.#beatAt >= BEAT || now < this.#beatAt) {
      if (now - this.#beatAt > SILENCE || now < this.#beatAt) this.#askedAt = 0; // it was we who slept
      this.#askedAt ||= now;
      this.#beatAt = now;
      this.#post({ beat: true });
    }
    this.#settle();
  }

  #mindFallback() {
    if (this.#said !== "connecting" || this.#isShowing) return this.#fallback?.stop();
    this.#loadFallback?.().then((loaded) => (this.#fallback = loaded), () => {}); // without it the page waits for a connection
    this.#loadFallback = null;
    this.#fallback?.look(this.#watches.all(), () => {
      if (this.#fallback.isOn) this.asOf = this.now();
      this.#settle();
    });
  }

  #noteScheduler(isUp = this.scheduler) {
    if (isUp === this.scheduler) return;
    this.scheduler = isUp;
    this.dispatchEvent(new Event("change"));
  }

  #settle() {
    let state = this.#said;
    const quiet = Date.now() - this.#heardAt;
    if (state === "live" && (quiet > SILENCE || quiet < 0 || this.#watches.isOld)) state = "stale";
    if (state === "connecting" && this.#isShowing) state = "stale"; // another hub, that begins
    if (state === "connecting" && this.#fallback?.isOn) state = "blocked";
    this.#isShowing ||= state === "live";
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
