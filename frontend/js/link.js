// The one socket, and how it comes back. Knows no topics and no DOM; `io` and the clock are given to it.

import { payload } from "./wire.js";

const SILENCE = 4000; // ms without a word from the server (it beats every 2 s) after which all may be stale, and we come anew
const LOOK = 500; // ms between two looks at the clock
const FIRST_RETRY = 1000; // ms within which a lost connection is tried again, the moment drawn at random (full jitter)
const LONGEST_RETRY = 4000; // ms; a page is to show the truth 5 s after the server is back
const PATIENCE = 4; // a retry waits for up to this part of the time that the server has been away

export class Link {
  /** When the server was last heard: Unix time in ms; 0: never. */
  heardAt = 0;
  #io;
  #url;
  #random;
  #settle;
  #socket = null;
  #triedAt = 0; // when we last set out to connect
  #lostAt = 0; // when the server was last there; 0: it is
  #timer = null;
  #retry = null;
  #retryAt = 0; // when it is due
  #connecting = false;

  /** `settle()` is called whenever the state of the connection may be another one. */
  constructor(io, { url, random, settle }) {
    this.#io = io;
    this.#url = url;
    this.#random = random;
    this.#settle = settle;
  }

  get started() {
    return this.#socket !== null;
  }

  get connected() {
    return this.#socket?.connected ?? false;
  }

  get isSilent() {
    const quiet = Date.now() - this.heardAt;
    return quiet > SILENCE || quiet < 0; // or the clock was set back, and nobody knows
  }

  /** Connect, and call `handlers` by the name of what comes ("connect" and "disconnect" too). */
  start(handlers) {
    this.#triedAt = this.#lostAt = Date.now();
    const { origin, pathname } = this.#url ? new URL(this.#url) : {};
    // an installation may lie below another one
    const path = pathname && `${pathname.replace(/\/$/, "")}/socket.io`;
    this.#socket = this.#io(origin, { transports: ["websocket"], reconnection: false, ...(path && { path }) });
    readExactly(this.#socket);
    const { connect, disconnect, ...events } = handlers;
    this.#socket.on("connect", () => {
      this.#lostAt = 0;
      this.#clearRetry();
      connect();
      this.heard();
    });
    this.#socket.on("disconnect", () => {
      disconnect();
      this.#lose();
    });
    this.#socket.on("connect_error", () => this.#lose());
    for (const [event, handle] of Object.entries(events)) {
      this.#socket.on(event, (data) => {
        handle(data);
        this.heard();
      });
    }
    this.#timer = setInterval(() => this.look(), LOOK);
  }

  emit(event, data, acknowledge) {
    if (!this.connected) return;
    if (acknowledge === undefined) this.#socket.emit(event, data);
    else this.#socket.emit(event, data, (ack) => (acknowledge(ack), this.heard()));
  }

  /** Be connected now rather than soon. */
  wake() {
    if (this.#socket !== null && (this.#retry !== null || this.#isDead())) this.#connect();
  }

  close() {
    clearInterval(this.#timer);
    this.#clearRetry();
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
  }

  /** The server goes: come back, to the next one, when it says (ms). What we show stays live until then, if it is `live`. */
  leave(retryIn, live) {
    this.#connectIn(live ? retryIn : this.#random() * Math.min(retryIn, FIRST_RETRY));
  }

  heard() {
    this.heardAt = Date.now();
    this.#settle();
  }

  /**
   * Every LOOK, and whenever a tab asks, since the timers of a hidden one run once a minute: a connection that says
   * nothing is none, however open it looks, and neither is one that never comes.
   */
  look() {
    const isDue = this.#retry === null ? this.#isDead() : Date.now() >= this.#retryAt;
    if (this.#socket !== null && isDue) this.#connect();
    this.#settle();
  }

  /** The connection is gone, or was refused: try again, later the longer it has been away. */
  #lose() {
    this.#settle();
    if (this.#connecting || this.#socket === null) return;
    this.#lostAt ||= Date.now();
    this.#clearRetry(); // a server that drains may be gone before it said
    const away = (Date.now() - this.#lostAt) / PATIENCE;
    this.#connectIn(this.#random() * Math.min(LONGEST_RETRY, Math.max(FIRST_RETRY, away)));
  }

  #connectIn(delay) {
    if (this.#retry !== null) return;
    this.#retryAt = Date.now() + delay;
    this.#retry = setTimeout(() => this.#connect(), delay);
  }

  #connect() {
    this.#clearRetry();
    this.#triedAt = Date.now();
    this.#connecting = true; // the end of the old one is no reason to try again
    this.#socket.disconnect();
    this.#connecting = false;
    this.#socket.connect();
  }

  #clearRetry() {
    clearTimeout(this.#retry);
    this.#retry = null;
  }

  #isDead() {
    const tried = Date.now() - this.#triedAt;
    return this.isSilent && (tried > SILENCE || tried < 0);
  }
}

/** Have Socket.IO's decoder (socket.io-parser 4, `tryParse`) keep the numbers that its JSON.parse would round. */
function readExactly(socket) {
  const decoder = socket.io?.decoder;
  if (decoder === undefined) return;
  decoder.tryParse = (text) => {
    try {
      return payload(text);
    } catch {
      return false; // its word for what is no JSON
    }
  };
}
