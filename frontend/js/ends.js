// The ends of this browser's own jobs: each is told once, in whichever tab, and then reported as seen. Knows no socket.

const UNTOLD = 20; // messages; the server keeps the ends, and tells them again to the next connection
const SEEN_A_MESSAGE = 500; // as many as the server takes

export class Ends {
  #claim;
  #seen;
  #listeners = new Set();
  #untold = []; // messages that nobody was listening for yet

  /** `seen(ids)` reports ends [[id, attempt]] as told; `claim` is as the hub's. */
  constructor(claim = claimHere(), seen) {
    this.#claim = claim;
    this.#seen = seen;
  }

  /** Call `listener(state)` once for each end. Returns what ends that. */
  listen(listener) {
    const hear = (state) => listener(state); // its own, should a listener be given twice
    this.#listeners.add(hear);
    for (const message of this.#untold.splice(0)) this.tell(message);
    return () => this.#listeners.delete(hear);
  }

  /** Take a message {jobs: [state]} of ends. */
  async tell({ jobs }) {
    if (this.#listeners.size === 0) {
      this.#untold = [...this.#untold, { jobs }].slice(-UNTOLD); // nobody here would show them: they stay unseen
      return;
    }
    const states = new Map(jobs.map((state) => [`${state.id} ${state.attempt}`, state]));
    for (const key of await this.#claim([...states.keys()])) {
      for (const hear of [...this.#listeners]) {
        try {
          hear(states.get(key));
        } catch (error) {
          setTimeout(() => { throw error; }); // told to the page; the other ends are claimed, and must be told too
        }
      }
    }
    const ids = [...states.values()].map(({ id, attempt }) => [id, attempt]);
    for (let start = 0; start < ids.length; start += SEEN_A_MESSAGE) {
      this.#seen(ids.slice(start, start + SEEN_A_MESSAGE));
    }
  }

  /** Another connection: it tells again what was not told. */
  forget() {
    this.#untold = [];
  }
}

/** A claim for a program with one tab. */
function claimHere() {
  const told = new Set();
  return async (keys) => keys.filter((key) => !told.has(key) && told.add(key));
}
