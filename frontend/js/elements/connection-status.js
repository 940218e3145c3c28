// <connection-status>: whether what the page shows is live, and since when not. Attribute `state`; event "change".

import * as own from "../client.js";
import { clock } from "../format.js";
import { write } from "../progress-view.js";

const WORDS = {
  connecting: "Connecting…",
  live: "Live",
  stale: "Not live",
  offline: "Offline",
  blocked: "Your network doesn’t let live updates through; read every 5 s",
};

export class ConnectionStatus extends HTMLElement {
  #frame = 0;
  #connection = null;
  #pausedAt = 0; // ms, by the server's clock; 0 while it is not
  // what is bad is said at once; what is good in the frame that paints what has come with it, and not before
  #change = () => {
    this.dispatchEvent(new CustomEvent("change", { detail: this.#connection.state }));
    cancelAnimationFrame(this.#frame);
    if (this.#connection.state === "live" || document.hidden) this.#frame = requestAnimationFrame(() => this.#paint());
    else this.#paint();
  };

  static client = own;

  /** Make it an element; `client`: what connect() of client.js returned, for the connection to another server. */
  static define(tag = "connection-status", client = own) {
    this.client = client;
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    this.#connection = this.constructor.client.connection;
    this.#connection.addEventListener("change", this.#change);
    this.#paint();
  }

  disconnectedCallback() {
    this.#connection.removeEventListener("change", this.#change);
    cancelAnimationFrame(this.#frame);
    document.documentElement.removeAttribute("data-stale"); // nobody is left to take it back
  }

  #paint() {
    const { state, asOf, paused } = this.#connection;
    const doubtful = state === "stale" || state === "offline" || state === "blocked";
    this.setAttribute("state", state);
    document.documentElement.toggleAttribute("data-stale", doubtful && state !== "blocked"); // what was read is true
    if (paused) this.#pausedAt ||= this.#connection.now();
    else this.#pausedAt = 0;
    this.toggleAttribute("paused", paused);
    const trouble = doubtful ? `, and ${WORDS[state].toLowerCase()}` : "";
    write(this, paused ? `Paused, as of ${clock(Math.min(asOf, this.#pausedAt))}${trouble}` : WORDS[state] + (doubtful ? `, as of ${clock(asOf)}` : ""));
  }
}
