// Holds back what would change a page that its reader has paused, and lets the newest of it through at once. Pure.

export class Pause {
  isOn = false;
  #held = new Map(); // gate → {listener, view}

  /** `listener({jobs, changed, gone, …})`, which hears the first view at once and others while nothing is paused. */
  gate(listener) {
    let hasHeard = false;
    const gate = (view) => {
      if (this.isOn && hasHeard) this.#held.set(gate, { listener, view: merged(this.#held.get(gate)?.view, view) });
      else listener(view);
      hasHeard = true;
    };
    return gate;
  }

  /** Forget what a gate holds: nobody listens any more. */
  drop(gate) {
    this.#held.delete(gate);
  }

  /** Hold back from now on, or let through what was held back. */
  turn(isOn) {
    this.isOn = isOn;
    if (isOn) return;
    const held = [...this.#held.values()];
    this.#held.clear();
    for (const { listener, view } of held) {
      try {
        listener(view);
      } catch (error) {
        setTimeout(() => { throw error; }); // told to the page; the other listeners must hear all the same
      }
    }
  }
}

/** One view that says what two of the same topic said one after the other. */
function merged(before, after) {
  if (before === undefined) return after;
  const changed = new Set([...before.changed, ...after.changed]);
  const gone = new Set([...before.gone, ...after.gone]);
  for (const id of [...gone]) if (after.jobs.has(id)) gone.delete(id);
  for (const id of [...changed]) if (!after.jobs.has(id)) changed.delete(id);
  return { ...after, changed: [...changed], gone: [...gone] };
}
