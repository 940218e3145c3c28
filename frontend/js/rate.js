// How fast a job goes and how long it will take, from its updates. Pure.

const WINDOW = 10_000; // ms of history that count
const SAMPLES = 40;

export class RateMeter {
  #phase = "";
  #samples = []; // [updated_at in ms, completed]

  /** Take a state; one of another job, attempt or unit starts anew. */
  take({ id, attempt, unit, completed, updated_at }) {
    const phase = `${id} ${attempt} ${unit}`;
    if (phase !== this.#phase) this.#samples = [];
    this.#phase = phase;
    if (completed === null || this.#samples.at(-1)?.[0] === updated_at) return;
    this.#samples.push([updated_at, completed]);
    while (this.#samples.length > SAMPLES || updated_at - this.#samples[0][0] > WINDOW) this.#samples.shift();
  }

  /** Units a second, or null while nobody can know. */
  get rate() {
    if (this.#samples.length < 2) return null;
    const [[t0, c0], [t1, c1]] = [this.#samples[0], this.#samples.at(-1)];
    return t1 > t0 && c1 > c0 ? ((c1 - c0) * 1000) / (t1 - t0) : null;
  }

  /** Seconds left, or null while nobody can know. */
  left({ completed, total }) {
    const rate = this.rate;
    return rate === null || total === null || completed === null ? null : Math.max(0, (total - completed) / rate);
  }
}
