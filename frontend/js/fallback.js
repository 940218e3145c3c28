// Where no socket comes through, what is watched is read over HTTP. Knows no socket and no DOM; `read` is given to it. Loaded with the
// first page that is not connected at once.

const PATIENCE = 4000; // ms without ever a connection, after which we read; the page has waited for up to 1 s by then
const INTERVAL = 5000; // ms between two readings

export class Fallback {
  /** Whether the server answers, and yet no socket has come through. */
  isOn = false;
  #read;
  #since = 0; // when we began to wait for a connection: Unix time in ms; 0: we don't
  #readAt = 0;
  #isReading = false;

  /** `read(topic, token)` resolves to what Watched.answer takes; rejects where the server is away. */
  constructor(read) {
    this.#read = read;
  }

  /** There is a connection, or was one. */
  stop() {
    this.isOn = false;
    this.#since = 0;
  }

  /** Called now and then while there never was a connection: reads `watches` when it is time, and calls `done()` after. */
  look(watches, done) {
    const now = Date.now();
    if (this.#since === 0 || now < this.#since) this.#since = now;
    const isNew = this.isOn && watches.some(({ answered }) => !answered);
    const isDue = now - this.#since >= PATIENCE && (isNew || now - this.#readAt >= INTERVAL || now < this.#readAt);
    if (isDue && !this.#isReading && watches.length > 0) this.#readAll(watches, done);
  }

  async #readAll(watches, done) {
    this.#isReading = true;
    this.#readAt = Date.now();
    const since = this.#since;
    const answers = await Promise.allSettled(watches.map(({ topic, token }) => this.#read(topic, token)));
    this.#isReading = false;
    if (this.#since !== since) return; // a connection has come meanwhile, and tells it all
    this.isOn = answers.some(({ status }) => status === "fulfilled");
    answers.forEach(({ value }, index) => value !== undefined && watches[index].answer(value));
    done();
  }
}
