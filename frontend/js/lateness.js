// How much later than it could frames come: behind a line too slow for them all, each is long on its way. Pure.

const LATE = 3000; // ms later than the promptest of its connection, from which on a frame is late
const CLOCK_SET = 60_000; // ms by which no frame is late, since a connection so slow is closed: somebody has set the clock

export class Lateness {
  #promptest = Infinity; // ms between the clock of Redis, which versions are made of, and ours, at the least
  #late = 0; // ms that the last frame came later than that
  #calm = false; // whether the last thing that came was a beat

  /** Whether what is shown may be old though more and more of it comes. */
  get isLate() {
    return this.#late >= LATE;
  }

  /** A frame of `states` has come; one or more. */
  frame(states) {
    const took = Date.now() - Math.max(...states.map(({ version }) => version)) / 1000;
    this.#promptest = Math.min(this.#promptest, took);
    this.#late = took - this.#promptest;
    if (this.#late > CLOCK_SET) [this.#promptest, this.#late] = [took, 0];
    this.#calm = false;
  }

  /** A beat has come: when nothing came since the last one, nothing is on its way. */
  beat() {
    if (this.#calm) this.#late = 0;
    this.#calm = true;
  }
}
