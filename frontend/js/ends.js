// The ends of this browser's own jobs: each is told once, in whichever tab, and then reported as seen. Knows no socket.

const SEEN_A_MESSAGE = 500; // as many as the server takes

export class Ends {
  #claim;
  #seen;
  #turn;
  #listeners = new Set();

  /**
   * `claim(keys)` resolves to those ends ("id attempt") that no tab of this browser has told yet, and marks them told.
   * `seen(ids)` reports ends [[id, attempt]] as told. `turn()` resolves when this tab may claim: one that a person
   * looks at goes before those that are hidden.
   */
  constructor(claim = claimHere(), seen = () => {}, turn = async () => {}) {
    this.#claim = claim;
    this.#seen = seen;
    this.#turn = turn;
  }

  get size() {
    return this.#listeners.size;
  }

  /** Call `listener(state)` once for each end. Returns what ends that. */
  listen(listener) {
    const hear = (state) => listener(state); // its own, should a listener be given twice
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }

  /** Take a message {jobs: [state]} of ends. With nobody to show them they stay unseen. */
  async tell({ jobs }) {
    await this.#turn();
    if (this.#listeners.size === 0) return;
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
}

/** A claim for a program with one tab. */
function claimHere() {
  const told = new Set();
  return async (keys) => keys.filter((key) => !told.has(key) && told.add(key));
}
