// <connection-status>: whether what the page shows is live, and since when not.

import { connection } from "../client.js";
import { clock } from "../format.js";
import { write } from "../progress-view.js";

const WORDS = { connecting: "Connecting…", live: "Live", stale: "Not live", offline: "Offline" };

export class ConnectionStatus extends HTMLElement {
  // what is bad is said at once; what is good in the frame that paints what has come with it, and not before
  #change = () => (connection.state === "live" ? requestAnimationFrame(() => this.#paint()) : this.#paint());

  static define(tag = "connection-status") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    connection.addEventListener("change", this.#change);
    this.#paint();
  }

  disconnectedCallback() {
    connection.removeEventListener("change", this.#change);
  }

  #paint() {
    const { state, asOf } = connection;
    this.setAttribute("state", state);
    document.documentElement.toggleAttribute("data-stale", state === "stale" || state === "offline");
    const since = state === "stale" || state === "offline" ? `, as of ${clock(asOf)}` : "";
    write(this, WORDS[state] + since);
  }
}
